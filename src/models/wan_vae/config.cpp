// Wan VAE sizes from tensor shapes.
#include "models/wan_vae/config.h"

#include "models/wan_vae/names.h"

namespace t3video::models {
namespace {

// The stage at the front of `names`, which is moved behind it.
VaeStage read_stage(const ShapeReader& reader, LayerNames& names, int64_t in) {
    VaeStage stage{.width = in};
    while (reader.has(names.layer() + "residual.2.weight")) {
        stage.width = reader.extent(names.layer() + "residual.2.weight", 5, 0);
        ++stage.blocks;
        names.next_layer();
    }
    stage.out = stage.width;
    if (reader.has(names.layer() + "resample.1.weight")) {
        stage.resample_space = true;
        stage.resample_time = reader.has(names.layer() + "time_conv.weight");
        stage.out = reader.extent(names.layer() + "resample.1.weight", 4, 0);
        names.next_layer();
    }
    names.next_stage();
    return stage;
}

VaeHalf read_half(const ShapeReader& reader, VaeVersion version, const std::string& prefix, const std::string& list) {
    VaeHalf half;
    half.base = reader.extent(prefix + "conv1.weight", 5, 0);
    LayerNames names(version, prefix, list);
    int64_t channels = half.base;
    for (;;) {
        const VaeStage stage = read_stage(reader, names, channels);
        if (stage.blocks == 0 && !stage.resample_space) break;
        channels = stage.out;
        half.stages.push_back(stage);
    }
    reader.check(!half.stages.empty(), "there are no tensors '", prefix, list, ".0...'");
    return half;
}

// The shortcut of a Wan2.2 encoder stage averages whole groups of channels, that of a decoder stage repeats whole
// channels.
void check_shortcuts(const ShapeReader& reader, const VaeConfig& config) {
    int64_t in = config.encoder.base;
    for (const VaeStage& stage : config.encoder.stages) {
        const int64_t cell = (stage.resample_time ? 2 : 1) * (stage.resample_space ? 4 : 1);
        reader.check(in * cell % stage.out == 0, "an encoder stage leads from ", in, " to ", stage.out, " channels");
        in = stage.out;
    }
    in = config.decoder.base;
    for (const VaeStage& stage : config.decoder.stages) {
        const int64_t cell = (stage.resample_time ? 2 : 1) * (stage.resample_space ? 4 : 1);
        reader.check(!stage.resample_space || stage.out * cell % in == 0, "a decoder stage leads from ", in, " to ",
                     stage.out, " channels");
        in = stage.out;
    }
}

}  // namespace

int64_t VaeHalf::space_factor() const {
    int64_t factor = 1;
    for (const VaeStage& stage : stages) factor *= stage.resample_space ? 2 : 1;
    return factor;
}

int64_t VaeHalf::time_factor() const {
    int64_t factor = 1;
    for (const VaeStage& stage : stages) factor *= stage.resample_time ? 2 : 1;
    return factor;
}

VaeConfig infer_vae_config(const TensorShapes& shapes, const std::filesystem::path& path) {
    const ShapeReader reader(shapes, path, "a Wan VAE");
    VaeConfig config;
    config.z = reader.extent("conv2.weight", 5, 0);
    const bool nested = reader.has("encoder.downsamples.0.downsamples.0.residual.2.weight");
    config.version = nested ? VaeVersion::wan22 : VaeVersion::wan21;
    config.encoder = read_half(reader, config.version, "encoder.", "downsamples");
    config.decoder = read_half(reader, config.version, "decoder.", "upsamples");
    reader.check(config.encoder.space_factor() == config.decoder.space_factor() &&
                     config.encoder.time_factor() == config.decoder.time_factor(),
                 "the encoder divides space by ", config.encoder.space_factor(), " and time by ",
                 config.encoder.time_factor(), ", the decoder multiplies by ", config.decoder.space_factor(), " and ",
                 config.decoder.time_factor());
    if (nested) check_shortcuts(reader, config);
    return config;
}

}  // namespace t3video::models
