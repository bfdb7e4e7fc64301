// Names taken apart.
#include "film/weight_files.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "checkpoint/shards.h"
#include "core/error.h"
#include "core/paths.h"

namespace t3video::film {
namespace {

namespace fs = std::filesystem;

enum class Form { whole, index, part };

// In the order in which they are preferred.
struct Weights {
    size_t stem = 0;
    bool torch = false;
    size_t rank = 0;  // of the variant
    std::string variant;
    Form form = Form::whole;
    std::string name;

    auto key() const { return std::tie(stem, torch, rank, variant, form, name); }
};

size_t rank_of(const std::string& variant) {
    constexpr std::string_view kOrder[] = {"", "bf16", "fp16", "fp32"};
    return static_cast<size_t>(std::ranges::find(kOrder, variant) - std::begin(kOrder));
}

// The name's words between dots behind the stem, parts' numbers taken out.
std::optional<std::pair<std::vector<std::string>, bool>> words_behind(const std::string& stem, std::string name) {
    const auto shard = checkpoint::shard_name_of(name);
    if (shard) name = shard->before + shard->after;
    if (!name.starts_with(stem + '.')) return std::nullopt;
    std::vector<std::string> words;
    for (size_t at = stem.size() + 1; at <= name.size();) {
        const size_t end = std::min(name.find('.', at), name.size());
        words.push_back(name.substr(at, end - at));
        at = end + 1;
    }
    return std::pair(words, shard.has_value());
}

std::optional<Weights> weights_of(size_t stem, const std::string& stem_name, const std::string& name) {
    const auto found = words_behind(stem_name, name);
    if (!found) return std::nullopt;
    auto words = found->first;
    const auto take = [&](const char* word) { return std::erase(words, word) == 1; };
    const bool safetensors = take("safetensors"), torch = take("bin"), index = take("index"), json = take("json");
    const bool weights = safetensors != torch && index == json && !(index && found->second) && words.size() <= 1;
    if (!weights || (words.size() == 1 && words[0].empty())) return std::nullopt;
    const std::string variant = words.empty() ? "" : words[0];
    return Weights{
        stem, torch, rank_of(variant), variant, index ? Form::index : found->second ? Form::part : Form::whole, name};
}

// Parts count once, and not where an index names them.
std::vector<Weights> choices_of(std::vector<Weights> all) {
    std::ranges::sort(all, {}, &Weights::key);
    const auto of_one = [](const Weights& a, const Weights& b) {
        return b.form == Form::part && (a.form == Form::part || a.form == Form::index) &&
               std::tie(a.stem, a.torch, a.variant) == std::tie(b.stem, b.torch, b.variant);
    };
    all.erase(std::unique(all.begin(), all.end(), of_one), all.end());
    return all;
}

}  // namespace

FoundWeights find_weights(const fs::path& folder, const std::vector<std::string>& stems) {
    if (!is_folder(folder)) return {};
    std::vector<Weights> all;
    for (const fs::path& entry : entries_of(folder)) {
        const std::string name = entry.filename().string();
        for (size_t i = 0; i < stems.size(); ++i) {
            const auto weights = weights_of(i, stems[i], name);
            if (weights && is_file(entry)) all.push_back(*weights);
        }
    }
    const std::vector<Weights> choices = choices_of(std::move(all));
    std::vector<fs::path> files;
    for (const Weights& choice : choices) files.push_back(folder / choice.name);
    return first_of_several(files);
}

FoundWeights first_of_several(const std::vector<fs::path>& files) {
    if (files.empty()) return {};
    FoundWeights found{files.front()};
    for (size_t i = 1; i < files.size(); ++i)
        found.note += concat(i == 1 ? " is read, not the others beside it: " : ", ", files[i].filename().string());
    if (!found.note.empty()) found.note = found.file.string() + found.note;
    return found;
}

}  // namespace t3video::film
