// Rows of decoded frames to images, with cropping.
#include "media/frame.h"

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"
#include "core/quantize.h"

namespace t3video::media {
namespace {

// Calls copy(row of the tensor as T*, y of the image) for every row of the tensor that the image shows.
template <class T, class Copy>
void for_each_row(const Image& image, const Tensor& rows, int64_t first_row, int64_t frame_height, int threads,
                  const Copy& copy) {
    const int64_t frame_width = rows.dim(1), left = (frame_width - image.width) / 2;
    const int64_t top = (frame_height - image.height) / 2;
    const int64_t begin = std::max(first_row, top), end = std::min(first_row + rows.dim(0), top + image.height);
    if (begin >= end) return;
    const T* values = rows.data<T>();
    parallel_for(threads, begin, end, 16, [&](int64_t first, int64_t last) {
        for (int64_t y = first; y < last; ++y) copy(values + ((y - first_row) * frame_width + left) * 3, y - top);
    });
}

}  // namespace

Image::Image(int64_t image_width, int64_t image_height, Samples image_samples)
    : width(image_width), height(image_height), samples(image_samples) {
    require(width > 0 && height > 0, "image: size ", width, "x", height);
    rgb.resize(static_cast<size_t>(height * row_bytes()));
}

Image in_8_bits(const Image& image) {
    if (image.samples == Samples::u8) return image;
    Image result(image.width, image.height);
    const int64_t count = image.width * 3;
    for (int64_t y = 0; y < image.height; ++y) {
        uint8_t* out = result.row<uint8_t>(y);
        if (image.samples == Samples::f32) {
            std::transform(image.row<float>(y), image.row<float>(y) + count, out, quantize_u8);
        } else {
            std::transform(image.row<uint16_t>(y), image.row<uint16_t>(y) + count, out,
                           [](uint16_t code) { return static_cast<uint8_t>((code + 128) / 257); });
        }
    }
    return result;
}

void copy_cropped_rows(Image& image, const Tensor& rows, int64_t first_row, int64_t frame_height, int threads) {
    require(rows.defined() && rows.rank() == 3 && rows.dim(2) == 3 && first_row >= 0 &&
                first_row + rows.dim(0) <= frame_height,
            "copy_cropped_rows: expected rows [n, W, 3] of ", frame_height, ", found ", rows.shape(), " from ",
            first_row);
    require(image.width <= rows.dim(1) && image.height <= frame_height, "copy_cropped_rows: an image of ", image.width,
            "x", image.height, " from a frame of ", rows.dim(1), "x", frame_height);
    const int64_t count = image.width * 3;
    if (image.samples == Samples::u8) {
        return for_each_row<uint8_t>(image, rows, first_row, frame_height, threads, [&](const uint8_t* row, int64_t y) {
            std::copy_n(row, count, image.row<uint8_t>(y));
        });
    }
    visit_float(rows.dtype(), [&]<class T>() {
        for_each_row<T>(image, rows, first_row, frame_height, threads, [&](const T* row, int64_t y) {
            const auto value = [](T x) { return static_cast<float>(x); };
            if (image.samples == Samples::f32) {
                std::transform(row, row + count, image.row<float>(y), value);
            } else {
                std::transform(row, row + count, image.row<uint16_t>(y), [&](T x) { return quantize_u16(value(x)); });
            }
        });
    });
}

}  // namespace t3video::media
