// How a stored picture is turned and mirrored to be shown.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "media/input/film_reader.h"

namespace t3video::media {

// The pixel shown at (x, y) is the stored one at (u, v): (u, v) = transposed ? (y, x) : (x, y), then counted from the
// other end where a side is mirrored. The eight of them are the eight values of EXIF.
struct Orientation {
    bool transposed = false;
    bool mirrored_u = false, mirrored_v = false;

    bool is_plain() const { return !transposed && !mirrored_u && !mirrored_v; }
    friend bool operator==(const Orientation&, const Orientation&) = default;
};

// Of EXIF's and TIFF's tag 274, 1 to 8; plain for other values, as viewers have it.
Orientation orientation_of_exif(int64_t value);
// Of the first two rows of a display matrix as MP4 files and FFmpeg hold it, by its nearest quarter turn: a stored
// point (u, v) is shown at (a u + c v, b u + d v), up to a shift.
Orientation orientation_of_matrix(double a, double b, double c, double d);
// Whether it is one, mirrored or not, up to a few degrees: false of all zeros too.
bool is_quarter_turn(double a, double b, double c, double d);
// What `second` makes of a picture that is shown as `first` says.
Orientation combined(const Orientation& first, const Orientation& second);

// The reader's frames, turned; the reader itself where there is nothing to turn. Each frame is held as a whole. Throws
// InvalidRequest where that takes more than `memory` bytes, together with what the reader takes; `name` is the file's.
std::unique_ptr<FrameReader> turned(std::unique_ptr<FrameReader> reader, const Orientation& orientation, int64_t memory,
                                    const std::string& name);

}  // namespace t3video::media
