// Prefixes, and names that give a network away.
#include "checkpoint/single_file.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "checkpoint/lora.h"
#include "checkpoint/scaled.h"

namespace t3video::checkpoint {
namespace {

constexpr std::array kNetworks = {Network::dit, Network::vae, Network::text_encoder};

constexpr std::string_view kDitPrefixes[] = {"model.diffusion_model.", "diffusion_model."};
constexpr std::string_view kVaePrefixes[] = {"first_stage_model.", "vae."};
constexpr std::string_view kTextPrefixes[] = {"text_encoders.umt5xxl.transformer.", "text_encoders.umt5xxl.",
                                              "umt5xxl.transformer."};

// A tensor that every model of the kind has, under the names of each layout.
constexpr std::string_view kDitNames[] = {"patch_embedding.weight"};
constexpr std::string_view kVaeNames[] = {"decoder.conv1.weight", "decoder.conv_in.weight"};
constexpr std::string_view kTextNames[] = {"token_embedding.weight", "shared.weight", "encoder.embed_tokens.weight",
                                           "token_embd.weight"};

std::span<const std::string_view> prefixes_of(Network network) {
    switch (network) {
        case Network::dit:
            return kDitPrefixes;
        case Network::vae:
            return kVaePrefixes;
        case Network::text_encoder:
            break;
    }
    return kTextPrefixes;
}

std::span<const std::string_view> names_of(Network network) {
    switch (network) {
        case Network::dit:
            return kDitNames;
        case Network::vae:
            return kVaeNames;
        case Network::text_encoder:
            break;
    }
    return kTextNames;
}

// The longest first: one may begin with another.
std::string_view prefix_in(std::string_view name, Network network) {
    for (const std::string_view prefix : prefixes_of(network)) {
        if (name.starts_with(prefix)) return prefix;
    }
    return {};
}

TensorSource part_of(TensorSource all, Network network) {
    const bool prefixed =
        std::ranges::any_of(all.tensors, [&](const auto& entry) { return !prefix_in(entry.first, network).empty(); });
    const auto belongs_elsewhere = [&](const std::string& name) {
        return std::ranges::any_of(kNetworks,
                                   [&](Network other) { return other != network && !prefix_in(name, other).empty(); });
    };
    TensorSource part{.tensors = {}, .metadata = std::move(all.metadata), .path = std::move(all.path)};
    for (auto& [name, stored] : all.tensors) {
        if (belongs_elsewhere(name)) continue;
        const size_t prefix = prefixed ? prefix_in(name, network).size() : 0;
        part.tensors.emplace(name.substr(prefix), std::move(stored));
    }
    // A tokenizer that some encoders carry along, as bytes.
    if (network == Network::text_encoder) part.tensors.erase("spiece_model");
    return part;
}

}  // namespace

TensorSource open_network(const std::filesystem::path& path, Network network) {
    return fold_scales(part_of(open_tensors(path), network));
}

Contents contents_of(const std::filesystem::path& path) {
    const TensorSource source = open_tensors(path);
    Contents contents;
    contents.lora = std::ranges::any_of(source.tensors, [](const auto& entry) { return is_lora_key(entry.first); });
    for (const Network network : kNetworks) {
        if (contents.lora) break;
        const TensorSource part = part_of(source, network);
        if (std::ranges::any_of(names_of(network), [&](auto name) { return part.contains(std::string(name)); }))
            contents.networks.push_back(network);
    }
    return contents;
}

}  // namespace t3video::checkpoint
