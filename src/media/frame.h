// An 8-bit RGB image, and how a decoded frame of floats becomes one.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace t3video::media {

struct Image {
    Image() = default;
    // All pixels black. Throws Error unless both sides are positive.
    Image(int64_t width, int64_t height);

    uint8_t* pixel(int64_t x, int64_t y) { return rgb.data() + (y * width + x) * 3; }
    const uint8_t* pixel(int64_t x, int64_t y) const { return rgb.data() + (y * width + x) * 3; }
    friend bool operator==(const Image&, const Image&) = default;

    int64_t width = 0, height = 0;
    std::vector<uint8_t> rgb;  // [height, width, 3]
};

// The 8-bit level of a decoded value: clip((v + 1) * 127.5, 0, 255), rounded to the nearest level, halves up; NaN gives
// 0. Rounding halves the error of truncation and does not darken the picture by half a level on average; programs that
// truncate differ from this by at most one level.
inline uint8_t to_level(float v) {
    const float level = (v + 1.0f) * 127.5f;
    if (!(level > 0.0f)) return 0;  // also NaN
    return level < 255.0f ? static_cast<uint8_t>(level + 0.5f) : uint8_t{255};
}

// Writes rows [n, W, 3] in f32, -1..1, of a frame of `frame_height` rows, `first_row` the first of them, to where they
// lie in `image`, which shows the middle of the frame as to_image does; rows outside it are left out. Throws Error for
// another shape or type, or when the image is larger than the frame.
void put_rows(Image& image, const Tensor& rows, int64_t first_row, int64_t frame_height, int threads = 1);

// frame: [H, W, 3] in f32, -1..1. A positive `width` or `height` crops to that size, evenly on both sides (an odd
// excess takes one more row or column off the bottom or right); 0 keeps the side. Throws Error for another shape or
// type, or when the asked size is larger than the frame.
Image to_image(const Tensor& frame, int64_t width = 0, int64_t height = 0, int threads = 1);

}  // namespace t3video::media
