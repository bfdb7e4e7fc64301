// Lookups of modules under all their spellings.
#include "checkpoint/lora/targets.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/checks.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

std::string flat(std::string text) {
    std::ranges::replace(text, '.', '_');
    return text;
}

using Words = std::vector<std::string_view>;

Words words_of(std::string_view text, std::string_view ends) {
    Words words;
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find_first_of(ends, begin), text.size());
        if (end > begin) words.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return words;
}

template <size_t N>
bool is_among(std::string_view word, const std::string_view (&words)[N]) {
    return std::ranges::find(words, word) != std::end(words);
}

// Words that say that what is behind them is another network's, or one of its blocks.
constexpr std::string_view kForeign[] = {"vace",    "control", "controlnet", "text",  "te",     "te1",    "te2",
                                         "vae",     "clip",    "face",       "audio", "pose",   "motion", "encoder",
                                         "adapter", "ref",     "image",      "block", "blocks", "layer",  "layers"};
// Words that a prefix without a dot behind it may have: "diffusion_model_blocks_0", "lora_wan_blocks_0".
constexpr std::string_view kTrainers[] = {"lora", "lycoris", "unet", "dit",  "wan",      "model",
                                          "net",  "module",  "base", "pipe", "diffusion"};

// Of names that begin with lora or lycoris, one more word is some trainer's; else it may be the beginning of the
// blocks' own name, as in "transformer_blocks".
bool is_trainers(std::string_view glued) {
    const Words words = words_of(glued, "_");
    const bool marked = !words.empty() && (words[0] == "lora" || words[0] == "lycoris");
    const auto others = std::ranges::count_if(words, [](auto word) { return !is_among(word, kTrainers); });
    return others <= (marked ? 1 : 0);
}

bool is_number(std::string_view word) {
    return std::ranges::all_of(word, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// Whether a name behind this prefix may be one of this model's.
bool is_prefix(std::string_view prefix) {
    if (prefix.find("transformer_2") != prefix.npos) return false;  // the second of Wan2.2 A14B's two
    const std::string_view glued = prefix.ends_with('_') ? prefix.substr(prefix.rfind('.') + 1) : std::string_view();
    const auto is_foreign = [](auto word) { return is_among(word, kForeign) || is_number(word); };
    return std::ranges::none_of(words_of(prefix, "._"), is_foreign) && is_trainers(glued);
}

}  // namespace

Targets::Targets(TensorSource& source, const OtherName& other, std::string file)
    : source_(source), file_(std::move(file)) {
    const std::pair<std::string_view, Names&> kinds[] = {
        {".weight", weights_}, {".bias", biases_}, {".modulation", modulations_}, {".scale_shift_table", modulations_}};
    for (const auto& entry : source.tensors) {
        for (const std::string& name : {entry.first, other(entry.first)}) {
            if (name.empty()) continue;
            tensors_.emplace(flat(name), entry.first);
            for (const auto& [ending, names] : kinds) {
                if (name.ends_with(ending))
                    names.emplace(flat(name.substr(0, name.size() - ending.size())), entry.first);
            }
        }
    }
}

const Targets::Names& Targets::names_for(LoraRole role) const {
    if (role == LoraRole::bias || role == LoraRole::up_bias) return biases_;
    return role == LoraRole::modulation ? modulations_ : weights_;
}

std::optional<std::string> Targets::lookup(const Names& names, const std::string& module) {
    const std::string text = flat(module);
    for (size_t at = 0; at < text.size();) {  // the longest name first
        if (const auto found = names.find(text.substr(at)); found != names.end()) {
            const std::string prefix = module.substr(0, at);
            if (!is_prefix(prefix)) return std::nullopt;
            prefixes_.emplace(prefix, module);
            return found->second;
        }
        at = std::min(text.find('_', at), text.size() - 1) + 1;
    }
    return std::nullopt;
}

Stored* Targets::find(const std::string& module, LoraRole role) {
    std::optional<std::string> name;
    if (role == LoraRole::difference) name = lookup(tensors_, module);  // "blocks.0.modulation" + ".diff"
    if (!name) name = lookup(names_for(role), module);
    return name ? &source_.tensors.at(*name).tensor : nullptr;
}

Stored& Targets::at(const std::string& module, LoraRole role, const std::string& key) {
    Stored* const found = find(module, role);
    const std::string dialect = lora_dialect(key);
    require_valid(found, file_, ": ", quote(key), " matches no weight of ", source_.path.string(),
                  dialect.empty() ? "" : concat("; it looks like ", dialect));
    require_valid(found->is_float(), file_, ": ", quote(key), " updates a tensor of ", source_.path.string(),
                  ", which holds ", found->type_name());
    return *found;
}

void Targets::check_prefixes() const {
    if (prefixes_.size() <= 1) return;
    const auto &first = *prefixes_.begin(), &last = *prefixes_.rbegin();
    throw InvalidRequest(concat(file_, ": ", quote(last.second), " begins with '", last.first, "', ",
                                quote(first.second), first.first.empty() ? " with no prefix" : " with another prefix",
                                "; expected the same one in front of all names"));
}

}  // namespace t3video::checkpoint
