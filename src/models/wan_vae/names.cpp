// Tensor names of the Wan VAEs.
#include "models/wan_vae/names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace t3video::models {
namespace {

using Renaming = std::pair<std::string_view, std::string_view>;  // diffusers prefix, official prefix

constexpr std::array<Renaming, 2> kTopLevel{{{"quant_conv.", "conv1."}, {"post_quant_conv.", "conv2."}}};

constexpr std::array<Renaming, 6> kOutsideStages{{{"conv_in.", "conv1."},
                                                  {"mid_block.resnets.0.", "middle.0."},
                                                  {"mid_block.attentions.0.", "middle.1."},
                                                  {"mid_block.resnets.1.", "middle.2."},
                                                  {"norm_out.", "head.0."},
                                                  {"conv_out.", "head.2."}}};

constexpr std::array<Renaming, 5> kInsideBlock{{{"norm1.", "residual.0."},
                                                {"conv1.", "residual.2."},
                                                {"norm2.", "residual.3."},
                                                {"conv2.", "residual.6."},
                                                {"conv_shortcut.", "shortcut."}}};

constexpr int64_t kDownBlocks = 2, kUpBlocks = 3;  // residual blocks per stage, in front of its resampling

// Takes `prefix` off the front of `name`.
bool consume(std::string_view& name, std::string_view prefix) {
    if (!name.starts_with(prefix)) return false;
    name.remove_prefix(prefix.size());
    return true;
}

// Takes "7." off the front.
std::optional<int64_t> consume_index(std::string_view& name) {
    const size_t dot = name.find('.');
    if (dot == 0 || dot > 4 || !std::all_of(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(dot), [](char c) {
            return '0' <= c && c <= '9';
        })) {
        return std::nullopt;
    }
    const int64_t index = std::stoll(std::string(name.substr(0, dot)));
    name.remove_prefix(dot + 1);
    return index;
}

template <size_t N>
std::string replace_prefix(std::string_view name, const std::array<Renaming, N>& table) {
    for (const auto& [from, to] : table) {
        if (consume(name, from)) return concat(to, name);
    }
    return "";
}

std::string inside_block(std::string_view name) {
    const std::string renamed = replace_prefix(name, kInsideBlock);
    return renamed.empty() ? std::string(name) : renamed;
}

// The index within its stage of the layer at the front of `name`, taken off it.
std::optional<int64_t> consume_layer(std::string_view& name, int64_t blocks) {
    if (consume(name, "resnets.")) return consume_index(name);
    for (const char* resampler : {"downsampler.", "upsampler.", "upsamplers.0."}) {
        if (consume(name, resampler)) return blocks;
    }
    return std::nullopt;
}

std::string inside_stages(std::string_view name, VaeVersion version) {
    const bool down = name.starts_with("down_blocks.");
    if (!consume(name, "down_blocks.") && !consume(name, "up_blocks.")) return "";
    const char* list = down ? "downsamples." : "upsamples.";
    const int64_t blocks = down ? kDownBlocks : kUpBlocks;
    const std::optional<int64_t> stage = consume_index(name);
    if (!stage) return "";
    if (down && version == VaeVersion::wan21) return concat(list, *stage, '.', inside_block(name));
    const std::optional<int64_t> layer = consume_layer(name, blocks);
    if (!layer) return "";
    if (version == VaeVersion::wan21) return concat(list, *stage * (blocks + 1) + *layer, '.', inside_block(name));
    return concat(list, *stage, '.', list, *layer, '.', inside_block(name));
}

}  // namespace

LayerNames::LayerNames(VaeVersion version, std::string half, std::string list)
    : version_(version), half_(std::move(half)), list_(std::move(list)) {}

std::string LayerNames::layer() const {
    if (version_ == VaeVersion::wan21) return concat(half_, list_, '.', flat_, '.');
    return concat(half_, list_, '.', stage_, '.', list_, '.', layer_, '.');
}

bool is_diffusers_vae(const HasTensor& has) {
    return has("encoder.conv_in.weight") || has("decoder.conv_in.weight");
}

VaeVersion diffusers_vae_version(const HasTensor& has) {
    return has("encoder.down_blocks.0.resnets.0.conv1.weight") ? VaeVersion::wan22 : VaeVersion::wan21;
}

std::string official_vae_name(const std::string& diffusers_name, VaeVersion version) {
    std::string_view name = diffusers_name;
    for (const std::string_view half : {"encoder.", "decoder."}) {
        if (!consume(name, half)) continue;
        std::string inner = replace_prefix(name, kOutsideStages);
        if (inner.starts_with("middle.")) inner = inner.substr(0, 9) + inside_block(std::string_view(inner).substr(9));
        if (inner.empty()) inner = inside_stages(name, version);
        return inner.empty() ? "" : concat(half, inner);
    }
    return replace_prefix(name, kTopLevel);
}

}  // namespace t3video::models
