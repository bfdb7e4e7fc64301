// Conversion of decoded frames to 8-bit RGB, with cropping.
#include "media/frame.h"

#include <algorithm>

#include "core/error.h"

namespace t3video::media {

Image::Image(int64_t image_width, int64_t image_height) : width(image_width), height(image_height) {
    require(width > 0 && height > 0, "image: size ", width, "x", height);
    rgb.resize(static_cast<size_t>(width * height * 3));
}

Image to_image(const Tensor& frame, int64_t width, int64_t height) {
    require(frame.defined() && frame.rank() == 3 && frame.dim(2) == 3, "to_image: expected a frame [H, W, 3], found ",
            frame.shape());
    const int64_t frame_height = frame.dim(0), frame_width = frame.dim(1);
    if (width == 0) width = frame_width;
    if (height == 0) height = frame_height;
    require(width > 0 && height > 0 && width <= frame_width && height <= frame_height, "to_image: cannot crop ",
            frame_width, "x", frame_height, " to ", width, "x", height);

    Image image(width, height);
    const int64_t left = (frame_width - width) / 2, top = (frame_height - height) / 2;
    const float* values = frame.data<float>();
    for (int64_t y = 0; y < height; ++y) {
        const float* row = values + ((top + y) * frame_width + left) * 3;
        std::transform(row, row + width * 3, image.pixel(0, y), to_level);
    }
    return image;
}

}  // namespace t3video::media
