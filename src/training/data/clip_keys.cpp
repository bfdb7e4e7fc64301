// Hashes of clips.
#include "training/data/clip_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "core/content_hash.h"
#include "core/numbers.h"
#include "core/paths.h"

namespace t3video::training {
namespace {

std::string hash_of(const std::string& file, const DataItem& item, const std::string& rest) {
    ContentHash hash;
    const auto add = [&](const std::string& text) { hash.add(fmt::format("{}:{}", text.size(), text)); };
    add(file);
    add(item.kind == ClipKind::picture ? "picture" : "video");
    for (const std::string& caption : item.captions) add(caption);
    add(rest);
    return hash.text();
}

}  // namespace

std::string ClipKey::text() const {
    return fmt::format("{}-{}:{}/{}", window, clip, index, count);
}

std::string file_hash(const std::filesystem::path& file) {
    return is_folder(file) ? content_hash(file) : sampled_hash(file);
}

std::string clip_hash(const std::string& file, const DataItem& item, const ClipRules& rules) {
    return hash_of(file, item, rules.identity(item.kind));
}

std::string window_hash(const std::string& file, const DataItem& item, const ClipRules& rules, const ClipWindow& clip) {
    const bool still = item.kind == ClipKind::picture;
    return hash_of(file, item,
                   fmt::format("{}x{} {}+{} fps {} source {} every {}", clip.size.width, clip.size.height,
                               clip.window.first, clip.window.frames, still ? 0 : rules.fps,
                               still ? 0 : rules.source_fps.value_or(0), !still && rules.every_frame));
}

void KnownClips::add(const std::string& key) {
    const size_t dash = key.find('-'), colon = key.find(':'), slash = key.find('/');
    if (dash == std::string::npos || colon == std::string::npos || slash == std::string::npos || dash > colon) return;
    const auto index = number_of<int64_t>(std::string_view(key).substr(colon + 1, slash - std::min(slash, colon + 1)));
    const auto count = number_of<int64_t>(std::string_view(key).substr(slash + 1));
    if (!index || !count) return;
    const std::string window = key.substr(0, dash);
    Clip& clip = clips_[key.substr(dash + 1, colon - dash - 1)];
    clip.count = *count;
    clip.there.insert(*index);
    clip.windows.insert(window);
    windows_.insert(window);
}

bool KnownClips::has_clip(const std::string& clip) const {
    const auto found = clips_.find(clip);
    return found != clips_.end() && static_cast<int64_t>(found->second.there.size()) == found->second.count;
}

void KnownClips::ask_clip(const std::string& clip) {
    const auto found = clips_.find(clip);
    if (found != clips_.end()) asked_.insert(found->second.windows.begin(), found->second.windows.end());
}

int64_t KnownClips::others() const {
    int64_t count = 0;
    for (const std::string& window : windows_) count += asked_.contains(window) ? 0 : 1;
    return count;
}

}  // namespace t3video::training
