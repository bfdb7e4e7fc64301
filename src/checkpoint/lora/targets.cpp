// Lookups of modules under all their spellings.
#include "checkpoint/lora/targets.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "checkpoint/checks.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

std::string flat(std::string text) {
    std::ranges::replace(text, '.', '_');
    return text;
}

// Words of a prefix that say that the blocks behind it are another network's; and those that may be the beginning of
// the blocks' own name, such as "transformer_blocks", where no dot parts them from it.
constexpr std::string_view kForeign[] = {"vace", "control", "controlnet", "text",  "te",     "te1",     "te2",
                                         "vae",  "clip",    "face",       "audio", "motion", "encoder", "adapter"};
constexpr std::string_view kOtherBlocks[] = {"transformer", "single", "double", "fuser",  "down",
                                             "up",          "mid",    "input",  "output", "joint"};

template <size_t N>
bool has_word(std::string_view text, const std::string_view (&words)[N]) {
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find('_', begin), text.size());
        if (std::ranges::find(words, text.substr(begin, end - begin)) != std::end(words)) return true;
        begin = end + 1;
    }
    return false;
}

bool is_foreign(std::string_view prefix) {
    if (prefix.find("transformer_2") != prefix.npos) return true;  // the second of Wan2.2 A14B's two
    const std::string without_dots = flat(std::string(prefix));
    const std::string_view glued = prefix.ends_with('_') ? prefix.substr(prefix.rfind('.') + 1) : std::string_view();
    return has_word(without_dots, kForeign) || has_word(glued, kOtherBlocks);
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
            if (is_foreign(prefix)) return std::nullopt;
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
