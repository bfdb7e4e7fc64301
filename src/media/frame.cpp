// Rows of decoded frames to images, with cropping.
#include "media/frame.h"

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"

namespace t3video::media {

Image::Image(int64_t image_width, int64_t image_height) : width(image_width), height(image_height) {
    require(width > 0 && height > 0, "image: size ", width, "x", height);
    rgb.resize(static_cast<size_t>(width * height * 3));
}

void put_rows(Image& image, const Tensor& rows, int64_t first_row, int64_t frame_height, int threads) {
    require(rows.defined() && rows.rank() == 3 && rows.dim(2) == 3 && first_row >= 0 &&
                first_row + rows.dim(0) <= frame_height,
            "put_rows: expected rows [n, W, 3] of ", frame_height, ", found ", rows.shape(), " from ", first_row);
    const int64_t frame_width = rows.dim(1), left = (frame_width - image.width) / 2;
    const int64_t top = (frame_height - image.height) / 2;
    require(image.width <= frame_width && image.height <= frame_height, "put_rows: an image of ", image.width, "x",
            image.height, " from a frame of ", frame_width, "x", frame_height);
    const int64_t begin = std::max(first_row, top), end = std::min(first_row + rows.dim(0), top + image.height);
    if (begin >= end) return;
    const uint8_t* levels = rows.data<uint8_t>();
    parallel_for(threads, begin, end, 16, [&](int64_t first, int64_t last) {
        for (int64_t y = first; y < last; ++y) {
            const uint8_t* row = levels + ((y - first_row) * frame_width + left) * 3;
            std::copy_n(row, image.width * 3, image.pixel(0, y - top));
        }
    });
}

}  // namespace t3video::media
