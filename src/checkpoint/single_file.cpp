// Prefixes, and names that give a network away.
#include "checkpoint/single_file.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/checks.h"
#include "checkpoint/lora.h"
#include "checkpoint/raw_numbers.h"
#include "checkpoint/scaled.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

using Names = std::vector<std::string_view>;

// What tells a network apart.
struct Marks {
    Network network;
    Names prefixes;  // the longest first: one may begin with another
    Names tensors;   // one that every model of the kind has, under the names of each layout
};

const Marks kMarks[] = {
    {Network::dit, {"model.diffusion_model.", "diffusion_model."}, {"patch_embedding.weight"}},
    {Network::vae, {"first_stage_model.", "vae."}, {"decoder.conv1.weight", "decoder.conv_in.weight"}},
    {Network::text_encoder,
     {"text_encoders.umt5xxl.transformer.", "text_encoders.umt5xxl.", "umt5xxl.transformer."},
     {"token_embedding.weight", "shared.weight", "encoder.embed_tokens.weight", "token_embd.weight"}},
};

const Marks& marks_of(Network network) {
    return *std::ranges::find(kMarks, network, &Marks::network);
}

std::string_view prefix_in(std::string_view name, const Marks& marks) {
    for (const std::string_view prefix : marks.prefixes) {
        if (name.starts_with(prefix)) return prefix;
    }
    return {};
}

bool has_prefix_of_any(std::string_view name) {
    return std::ranges::any_of(kMarks, [&](const Marks& marks) { return !prefix_in(name, marks).empty(); });
}

TensorSource part_of(TensorSource all, const Marks& marks) {
    const bool prefixed =
        std::ranges::any_of(all.tensors, [&](const auto& entry) { return !prefix_in(entry.first, marks).empty(); });
    TensorSource part{.tensors = {}, .metadata = std::move(all.metadata), .path = std::move(all.path)};
    for (auto& [name, stored] : all.tensors) {
        const std::string_view prefix = prefix_in(name, marks);
        const bool belongs = prefixed ? !prefix.empty() : !has_prefix_of_any(name);
        if (!belongs) continue;
        const bool first = part.tensors.try_emplace(name.substr(prefix.size()), std::move(stored)).second;
        require_valid(first, part.path.string(), ": ", quote(name), " is there twice, under different prefixes");
    }
    // What some encoders carry along: a tokenizer, as bytes, and a number that only CLIP's encoders use.
    if (marks.network == Network::text_encoder) {
        for (const char* name : {"spiece_model", "logit_scale"}) part.tensors.erase(name);
    }
    return part;
}

}  // namespace

TensorSource open_network(const std::filesystem::path& path, Network network) {
    return fold_scales(narrow_doubles(part_of(open_tensors(path), marks_of(network))));
}

Contents contents_of(const std::filesystem::path& path) {
    const TensorSource source = open_tensors(path);
    Contents contents;
    contents.lora = std::ranges::any_of(source.tensors, [](const auto& entry) { return is_lora_key(entry.first); });
    if (contents.lora) return contents;
    for (const Marks& marks : kMarks) {
        const TensorSource part = part_of(source, marks);
        if (std::ranges::any_of(marks.tensors, [&](auto name) { return part.contains(std::string(name)); }))
            contents.networks.push_back(marks.network);
    }
    return contents;
}

}  // namespace t3video::checkpoint
