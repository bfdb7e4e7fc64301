// A folder of drawn clips and their list: whose its files are, and what is missing in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "media/clips/clip.h"
#include "media/frame_rate.h"
#include "media/frame_writer.h"

namespace t3video::apps {

// What the clips of a series follow from.
struct ClipSettings {
    uint64_t seed = 0;
    media::clips::Split split = media::clips::Split::training;
    int64_t width = 448, height = 256, frames = 17;
    media::FrameRate fps = 8.0;
    std::string extension;  // ".mp4" and so on; "/": a folder of PNGs for each
};

// A folder that goes again if it was made here and is empty at the end.
class OutputFolder {
  public:
    OutputFolder() = default;
    ~OutputFolder();
    OutputFolder(const OutputFolder&) = delete;
    OutputFolder& operator=(const OutputFolder&) = delete;

    // Throws InvalidRequest, naming the field output, where there is none and none can be made.
    void make(const std::filesystem::path& path);

  private:
    std::filesystem::path made_;
};

// Clips are files of their place in the series, 00000.mp4 and so on. The list, clips.json, names those that are there:
// [{"data_file": "00000.mp4", "prompt_en": "A red ball drifts left over green hills."}, ...]. Each clip carries a
// record of what it is; what has such a name and is something else is never replaced.
class ClipFolder {
  public:
    struct Item {
        int64_t index = 0;
        media::clips::Series::Entry entry;
    };

    // The first `count` clips of the series. Makes the folder, or throws InvalidRequest: for settings that cannot be
    // drawn or written, and where the folder holds other files under the names of the clips or the list.
    ClipFolder(std::filesystem::path folder, ClipSettings settings, int64_t count);

    const std::vector<Item>& missing() const { return missing_; }
    // Draws and writes a clip; false where a stop was asked for, which leaves nothing of it. May run on several threads
    // at once for different clips.
    bool make(const Item& item, const std::stop_token& stop) const;
    // Lists what was there and `made`, and what an earlier list had beyond the count; how many they are. A list that is
    // right already is not touched.
    size_t write_list(const std::vector<Item>& made) const;

    std::filesystem::path list() const { return folder_ / "clips.json"; }

  private:
    enum class State { absent, partly, whole, unknown };  // unknown: there, of a kind without records

    std::string name(int64_t index) const;  // in the list
    std::filesystem::path output(int64_t index) const;
    std::string record(const Item& item) const;
    media::VideoOptions options(const Item& item) const;
    State state_of(const Item& item) const;
    std::vector<Item> read_list() const;
    [[noreturn]] void refuse(const std::filesystem::path& path) const;

    std::filesystem::path folder_;
    ClipSettings settings_;
    OutputFolder made_folder_;
    std::vector<Item> there_, missing_;
};

// What a clip's record says, for people; nothing for the comment of another film.
struct ClipRecord {
    std::string caption;
    int64_t index = 0;
    std::vector<std::string> options;  // "--seed 0"
};
std::optional<ClipRecord> parse_clip_record(const std::string& comment);

}  // namespace t3video::apps
