// Clips with captions, as the lists of trainers name them, before anything is decoded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "training/data/buckets.h"
#include "training/data/windows.h"

namespace t3video::training {

enum class ClipKind { video, picture };

// What a list says about a group of clips; what it does not say is empty.
struct DataSettings {
    std::vector<int64_t> target_frames;  // lengths of windows in frames of the model's rate, ascending, each 4k+1
    std::optional<Extraction> extraction;
    std::optional<int64_t> stride, sample, max_frames;  // as in WindowSettings
    std::optional<bool> longest_only;  // diffusion-pipe: a clip goes to the longest length that it fills
    std::optional<double> source_fps;  // frames per second that count as the clip's own
    std::vector<Size> resolutions;     // each an area with a shape, in pixels
    std::optional<bool> buckets;       // shapes near the clip's own, of the resolution's area
    std::optional<bool> no_upscale;    // clips are not enlarged to reach a bucket
    std::vector<double> ratios;        // shapes of the buckets, width by height; empty: by steps of the cell

    // The windows that it asks for. Lengths and whatever else it does not say are those of `otherwise`.
    WindowSettings windows(const WindowSettings& otherwise) const;
    bool operator==(const DataSettings&) const = default;
};

struct DataItem {
    std::filesystem::path file;
    ClipKind kind = ClipKind::video;
    std::vector<std::string> captions;  // UTF-8, without blanks at the ends; several are said in turn
    int64_t repeats = 1;                // times in an epoch
    size_t group = 0;                   // whose settings hold, in DataSet::groups

    bool operator==(const DataItem&) const = default;
};

// Something in a list that was not taken as it stands there.
struct DataProblem {
    enum class Kind {
        broken,      // an entry that cannot be read; left out
        no_file,     // nothing lies where an entry says, or a caption has no clip; left out
        no_caption,  // left out, unless clips without captions are asked for
        repeated,    // the same file with the same captions in one group; the first one stays
        changed,     // a value that was brought to the nearest right one
        unread       // a name that means nothing here, or something that is not done here
    };
    Kind kind;
    std::filesystem::path file;  // the list
    int64_t line = 0;            // in it, from 1; 0 where there are no lines, as in a folder
    std::string what;

    std::string text() const;  // "clips.csv: line 7: there is no file 'a.mp4'", in one line
};

struct DataSet {
    std::vector<DataSettings> groups;
    std::vector<DataItem> items;
    std::vector<DataProblem> problems;
    std::vector<std::string> passed_over;  // what another program's file says to that program only: "batch_size"

    // Adds the clips of another list behind these.
    void append(DataSet more);
};

}  // namespace t3video::training
