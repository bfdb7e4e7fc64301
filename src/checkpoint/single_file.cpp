// Prefixes, and names that give a network away.
#include "checkpoint/single_file.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/checks.h"
#include "checkpoint/lora/lora.h"
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

// Tensors that say something of the whole file, whatever prefix the others have.
bool is_about_all(std::string_view name) {
    return name == "scaled_fp8" || name == "spiece_model" || name == "logit_scale";
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

// The prefix in front of all names, where it stands in front of one that every model of the kind has; else empty.
// Throws InvalidRequest where two prefixes do.
std::string shared_prefix(const std::map<std::string, StoredTensor>& tensors, const Marks& marks,
                          const std::string& where) {
    std::set<std::string> prefixes;  // in front of such names
    for (const auto& entry : tensors) {
        for (const std::string_view mark : marks.tensors) {
            const std::string& name = entry.first;
            if (name == mark) return {};
            if (name.ends_with(mark) && name[name.size() - mark.size() - 1] == '.')
                prefixes.insert(name.substr(0, name.size() - mark.size()));
        }
    }
    const auto begins_all = [&](const std::string& prefix) {
        return std::ranges::all_of(
            tensors, [&](const auto& entry) { return entry.first.starts_with(prefix) || is_about_all(entry.first); });
    };
    const auto shared = std::ranges::find_if(prefixes, begins_all);
    if (shared != prefixes.end()) return *shared;
    require_valid(prefixes.size() <= 1, where, ": holds several networks of one kind, under ",
                  quote(prefixes.empty() ? "" : *prefixes.begin()), " and ",
                  quote(prefixes.empty() ? "" : *prefixes.rbegin()), "; save one of them alone");
    return {};
}

std::map<std::string, StoredTensor> without_prefix(std::map<std::string, StoredTensor> tensors,
                                                   const std::string& prefix) {
    if (prefix.empty()) return tensors;
    std::map<std::string, StoredTensor> plain;
    for (auto& [name, stored] : tensors)
        plain.emplace(name.starts_with(prefix) ? name.substr(prefix.size()) : name, std::move(stored));
    return plain;
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
    if (!prefixed) {
        const std::string prefix = shared_prefix(part.tensors, marks, part.path.string());
        part.tensors = without_prefix(std::move(part.tensors), prefix);
    }
    // Counters of steps.
    std::erase_if(part.tensors, [](const auto& entry) {
        const Stored& x = entry.second.tensor;
        return x.rank() == 0 && !x.is_float() && !x.encoding();
    });
    // What some encoders carry along: a tokenizer, as bytes, and a number that only CLIP's encoders use.
    if (marks.network == Network::text_encoder) {
        for (const char* name : {"spiece_model", "logit_scale"}) part.tensors.erase(name);
    }
    return part;
}

}  // namespace

TensorSource open_network(const std::filesystem::path& path, Network network, Notes* notes) {
    TensorSource source = open_tensors(path);
    if (notes) notes->insert(notes->end(), source.notes.begin(), source.notes.end());
    return fold_scales(part_of(std::move(source), marks_of(network)));
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
