// An RGB image of 8-bit, 16-bit or float samples, and how rows of decoded frames become one.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace t3video::media {

// What a channel of a pixel is: a code value 0..255, one of 0..65535, or the float that was decoded, -1..1 over the
// same range. Code values and floats are gamma-coded alike, as for a screen.
enum class Samples : uint8_t { u8, u16, f32 };

constexpr int64_t bytes_of(Samples samples) {
    return samples == Samples::u8 ? 1 : samples == Samples::u16 ? 2 : 4;
}

struct Image {
    Image() = default;
    // All bytes are zero, which as code values is black. Throws Error unless both sides are positive.
    Image(int64_t width, int64_t height, Samples samples = Samples::u8);

    // Of an image of u8.
    uint8_t* pixel(int64_t x, int64_t y) { return rgb.data() + (y * width + x) * 3; }
    const uint8_t* pixel(int64_t x, int64_t y) const { return rgb.data() + (y * width + x) * 3; }
    int64_t row_bytes() const { return width * 3 * bytes_of(samples); }
    // Row y of samples of type T: uint8_t, uint16_t or float, as `samples` says.
    template <class T>
    T* row(int64_t y) {
        return reinterpret_cast<T*>(rgb.data() + y * row_bytes());
    }
    template <class T>
    const T* row(int64_t y) const {
        return reinterpret_cast<const T*>(rgb.data() + y * row_bytes());
    }
    friend bool operator==(const Image&, const Image&) = default;

    int64_t width = 0, height = 0;
    Samples samples = Samples::u8;
    std::vector<uint8_t> rgb;  // [height, width, 3] samples
};

// The image in u8, rounded to the nearest; a copy of one that is.
Image in_8_bits(const Image& image);

// Writes rows [n, W, 3] of a frame of `frame_height` rows, `first_row` the first of them, to where they lie in
// `image`: rows in u8 to an image of u8, decoded floats of -1..1 to one of u16 or f32. The image shows the middle of
// the frame, of an odd excess one more row or column being left out at the bottom or right; rows outside it are left
// out. Throws Error for another shape or type, or when the image is larger than the frame.
void copy_cropped_rows(Image& image, const Tensor& rows, int64_t first_row, int64_t frame_height, int threads = 1);

}  // namespace t3video::media
