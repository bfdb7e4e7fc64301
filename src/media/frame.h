// An 8-bit RGB image, and how rows of decoded frames become one.
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

// Writes rows [n, W, 3] in u8 of a frame of `frame_height` rows, `first_row` the first of them, to where they lie in
// `image`. The image shows the middle of the frame, of an odd excess one more row or column being left out at the
// bottom or right; rows outside it are left out. Throws Error for another shape or type, or when the image is larger
// than the frame.
void put_rows(Image& image, const Tensor& rows, int64_t first_row, int64_t frame_height, int threads = 1);

}  // namespace t3video::media
