// Paths to names.
#include "serving/words.h"

#include <algorithm>

#include "core/paths.h"
#include "core/printable.h"

namespace t3video::serving {
namespace {

void replace_all(std::string& text, const std::string& what, const std::string& by) {
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
        text.replace(at, what.size(), by);
}

// "[/build/src/cuda/check.h:23]" -> "[check.h:23]": from a slash that begins a word to the last one in it.
void shorten_paths(std::string& text) {
    constexpr std::string_view kBefore = " \t\n([{'\"=,", kBehind = " \t\n)]}'\",;:";
    for (size_t at = 0; (at = text.find('/', at)) != std::string::npos; ++at) {
        if (at > 0 && kBefore.find(text[at - 1]) == std::string_view::npos) continue;
        const size_t end = std::min(text.find_first_of(kBehind, at), text.size());
        const size_t last = text.rfind('/', end - 1);
        text.erase(at, last + 1 - at);
    }
}

}  // namespace

Words::Words(const std::vector<std::pair<std::filesystem::path, std::string>>& folders) {
    for (const auto& [folder, name] : folders) {
        for (const std::string& path :
             {folder.string(), absolute_path(folder).lexically_normal().string(), canonical_path(folder).string()}) {
            const std::string bare = path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
            if (!bare.starts_with('/')) continue;  // as others say it, whole
            folders_.emplace_back(bare + "/", name.empty() ? name : name + "/");
            folders_.emplace_back(bare, name.empty() ? "the data folder" : name);
        }
    }
    // The longest first: one folder may lie in another.
    std::ranges::sort(folders_, [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
}

std::string Words::without_paths(std::string text) const {
    for (const auto& [folder, name] : folders_) replace_all(text, folder, name);
    shorten_paths(text);
    return text;
}

Message Words::without_paths(const Message& message) const {
    return message.with_words([this](const std::string& text) { return without_paths(text); });
}

std::string Words::line(const Message& message) const {
    return printable(without_paths(message).in(
        {.field = [](const Field& f) { return f.value.empty() ? f.name : concat(f.name, ' ', f.value); },
         .remedy = [](const Remedy&) { return std::string("resume the film"); }}));
}

}  // namespace t3video::serving
