// Small autoencoders by their tensors' names and shapes.
#include "models/small_vae/config.h"

#include "core/error.h"

namespace t3video::models {
namespace {

constexpr const char* kLast = "decoder.22.";  // the last convolution, in either form
constexpr size_t kStages = SmallVaeConfig::kStages;

std::string layer(const char* half, size_t index) {
    return concat(half, '.', index, '.');
}

using Tensors = std::vector<std::pair<std::string, Shape>>;

void add_plain_block(Tensors& tensors, const std::string& prefix, int64_t width) {
    for (const int64_t index : {0, 2, 4}) {
        tensors.emplace_back(concat(prefix, index, ".weight"), Shape{width, index == 0 ? 2 * width : width, 3, 3});
        tensors.emplace_back(concat(prefix, index, ".bias"), Shape{width});
    }
}

void add_wide_block(Tensors& tensors, const std::string& prefix, int64_t width) {
    tensors.emplace_back(prefix + "0.weight", Shape{2 * width, 1, 7, 7});
    tensors.emplace_back(prefix + "1.weight", Shape{4 * width, 2 * width, 1, 1});
    tensors.emplace_back(prefix + "1.bias", Shape{4 * width});
    tensors.emplace_back(prefix + "3.weight", Shape{width, 4 * width, 1, 1});
}

void read_decoder(const ShapeReader& reader, SmallVaeConfig& c) {
    const std::string first = c.wide_kernels ? "decoder.0.weight" : "decoder.1.weight";
    c.decoder[0] = reader.extent(first, 4, 0);
    c.z = reader.extent(first, 4, 1);
    for (size_t k = 0; k < kStages; ++k) {
        const StageNames names = decoder_stage(c, k);
        if (c.wide_kernels) {
            const int64_t shuffled = reader.extent(names.widen + "weight", 4, 0);
            reader.check(shuffled % 4 == 0, "'", names.widen, "weight' makes ", shuffled, " channels, no fours");
            c.decoder[k + 1] = shuffled / 4;
        } else {
            c.decoder[k + 1] = reader.extent(names.conv, 4, 0);
        }
        c.grown[k] = reader.extent(names.grow, 4, 0);
        const int64_t least = SmallVaeConfig::kGrowth[k] * c.decoder[c.wide_kernels ? k + 1 : k];
        reader.check(c.grown[k] >= least, "'", names.grow, "' makes ", c.grown[k], " channels, expected ", least);
    }
    const int64_t channels = reader.extent(concat(kLast, "weight"), 4, 0);
    reader.check(channels == 3 || channels == 12, "'", kLast, "weight' makes ", channels,
                 " channels, expected 3, or 12 for blocks of 2x2 pixels");
    c.patch = channels == 3 ? 1 : 2;
}

}  // namespace

StageNames decoder_stage(const SmallVaeConfig& config, size_t stage) {
    // Plain: blocks, upsampling, frames, convolution. Wide: blocks, convolution, ReLU, shuffle, frames.
    const size_t first = (config.wide_kernels ? size_t{1} : size_t{3}) + stage * (config.wide_kernels ? 7 : 6);
    StageNames names;
    for (size_t i = 0; i < SmallVaeConfig::kBlocks; ++i) names.block[i] = layer("decoder", first + i) + "conv.";
    if (config.wide_kernels) {
        names.widen = layer("decoder", first + 3);
        names.grow = layer("decoder", first + 6) + "conv.weight";
    } else {
        names.grow = layer("decoder", first + 4) + "conv.weight";
        names.conv = layer("decoder", first + 5) + "weight";
    }
    return names;
}

EncoderNames encoder_stage(size_t stage) {
    const size_t first = 2 + 5 * stage;
    EncoderNames names{.pool = layer("encoder", first) + "conv.weight", .conv = layer("encoder", first + 1) + "weight"};
    for (size_t i = 0; i < SmallVaeConfig::kBlocks; ++i) names.block[i] = layer("encoder", first + 2 + i) + "conv.";
    return names;
}

SmallVaeConfig infer_small_vae_config(const TensorShapes& shapes, const std::filesystem::path& path) {
    const ShapeReader reader(shapes, path, "a small decoder (taew2_1, taew2_2 or one of their kin)");
    SmallVaeConfig c;
    c.wide_kernels = reader.has("decoder.0.weight");
    read_decoder(reader, c);
    if (!reader.has("encoder.0.weight")) return c;
    c.encoder[0] = reader.extent("encoder.0.weight", 4, 0);
    for (size_t k = 0; k < kStages; ++k) c.encoder[k + 1] = reader.extent(encoder_stage(k).conv, 4, 0);
    return c;
}

std::vector<std::pair<std::string, Shape>> official_tensors(const SmallVaeConfig& c) {
    Tensors tensors;
    if (c.wide_kernels) {
        tensors.emplace_back("decoder.0.weight", Shape{c.decoder[0], c.z, 1, 1});
    } else {
        tensors.emplace_back("decoder.1.weight", Shape{c.decoder[0], c.z, 3, 3});
        tensors.emplace_back("decoder.1.bias", Shape{c.decoder[0]});
    }
    for (size_t k = 0; k < kStages; ++k) {
        const StageNames names = decoder_stage(c, k);
        const int64_t width = c.decoder[k], next = c.decoder[k + 1];
        for (const std::string& block : names.block)
            (c.wide_kernels ? add_wide_block : add_plain_block)(tensors, block, width);
        if (c.wide_kernels) {
            tensors.emplace_back(names.widen + "weight", Shape{4 * next, width, 3, 3});
            tensors.emplace_back(names.widen + "bias", Shape{4 * next});
            tensors.emplace_back(names.grow, Shape{c.grown[k], next, 1, 1});
        } else {
            tensors.emplace_back(names.grow, Shape{c.grown[k], width, 1, 1});
            tensors.emplace_back(names.conv, Shape{next, width, 3, 3});
        }
    }
    tensors.emplace_back(concat(kLast, "weight"), Shape{c.frame_channels(), c.decoder[kStages], 3, 3});
    tensors.emplace_back(concat(kLast, "bias"), Shape{c.frame_channels()});
    if (!c.encodes()) return tensors;
    tensors.emplace_back("encoder.0.weight", Shape{c.encoder[0], c.frame_channels(), 3, 3});
    tensors.emplace_back("encoder.0.bias", Shape{c.encoder[0]});
    for (size_t k = 0; k < kStages; ++k) {
        const EncoderNames names = encoder_stage(k);
        const int64_t width = c.encoder[k], next = c.encoder[k + 1];
        tensors.emplace_back(names.pool, Shape{width, SmallVaeConfig::kPooling[k] * width, 1, 1});
        tensors.emplace_back(names.conv, Shape{next, width, 3, 3});
        for (const std::string& block : names.block) add_plain_block(tensors, block, next);
    }
    tensors.emplace_back("encoder.17.weight", Shape{c.z, c.encoder[kStages], 3, 3});
    tensors.emplace_back("encoder.17.bias", Shape{c.z});
    return tensors;
}

}  // namespace t3video::models
