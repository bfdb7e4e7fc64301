// Names of encoded clips, by which a later run knows what is there without decoding anything.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "training/data/clip_source.h"

namespace t3video::training {

// "<window>-<clip>:<i>/<n>": of the window, a hash of all that its latents and texts follow from; of the clip with its
// rules, another, and that it is the i-th of n windows. The same window under other rules is the same window.
struct ClipKey {
    std::string window, clip;
    int64_t index = 0, count = 1;

    std::string text() const;
};

// Of the file's bytes, of one beyond 16 MiB of samples, or of those of a folder of pictures. Throws InvalidRequest for
// what cannot be read.
std::string file_hash(const std::filesystem::path& file);
// Of a clip with its captions and rules, and of one of its windows; `file` is the hash of its file.
std::string clip_hash(const std::string& file, const DataItem& item, const ClipRules& rules);
std::string window_hash(const std::string& file, const DataItem& item, const ClipRules& rules, const ClipWindow& clip);

// The keys of a folder of shards.
class KnownClips {
  public:
    // A key of another form is not known.
    void add(const std::string& key);
    // Whether all windows of a clip are there.
    bool has_clip(const std::string& clip) const;
    bool has_window(const std::string& window) const { return windows_.contains(window); }
    // Notes that it was asked for.
    void ask_clip(const std::string& clip);
    void ask_window(const std::string& window) { asked_.insert(window); }
    // Windows that are there and that nobody asked for.
    int64_t others() const;

  private:
    struct Clip {
        int64_t count = 0;
        std::set<int64_t> there;
        std::set<std::string> windows;
    };
    std::map<std::string, Clip> clips_;
    std::set<std::string> windows_, asked_;
};

}  // namespace t3video::training
