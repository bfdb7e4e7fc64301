// Sizes of frames: what is computed, in whole cells of the model, before it is cropped to what was asked for.
#pragma once

#include <cstdint>
#include <utility>

#include "core/shape.h"

namespace t3video::film {

struct FrameSize {
    int64_t width = 0, height = 0;  // computed, multiples of the cell
    Grid grid;                      // tokens of the whole film
};

// Rounds up to the cell; a side pair that the cell does not divide, and 3840x2160 or 2160x3840 at any rate, goes to the
// next larger published size where that is within 32 pixels. Throws InvalidRequest for sides below one cell, frames
// that are not 4k+1, and films of more than t3::kMostTokens, naming the nearest right one.
FrameSize frame_size(int64_t width, int64_t height, int64_t frames, int64_t cell);

// Width and height, multiples of the cell with at most `area` pixels, near the shape width : height.
std::pair<int64_t, int64_t> size_by_shape(int64_t width, int64_t height, int64_t area, int64_t cell);

}  // namespace t3video::film
