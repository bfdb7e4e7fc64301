// Reads and resizes frames.
#include "film/input_frames.h"

#include <algorithm>
#include <cmath>

namespace t3video::film {

std::pair<int64_t, int64_t> shown_size(const media::FrameReader& reader) {
    const double aspect = reader.pixel_aspect();
    return {std::llround(static_cast<double>(reader.width()) * std::max(1.0, aspect)),
            std::llround(static_cast<double>(reader.height()) * std::max(1.0, 1 / aspect))};
}

media::Fitting fitting_of(const media::FrameReader& reader, int64_t width, int64_t height, Fit fit) {
    if (fit == Fit::stretch)
        return media::stretching(reader.width(), reader.height(), width, height, media::Filter::bicubic);
    return media::covering(reader.width(), reader.height(), width, height, media::Filter::lanczos,
                           reader.pixel_aspect());
}

Tensor read_frame(media::FrameReader& reader, const media::Fitting& fitting, int threads) {
    const int64_t line = fitting.width * 3;
    Tensor frame = empty_on_host({fitting.height, fitting.width, 3}, DType::u8);
    media::Resizer resizer(fitting, threads, [&](int64_t y, const uint8_t* row) {
        std::copy_n(row, line, frame.data<uint8_t>() + y * line);
    });
    const bool there = reader.read([&](const uint8_t* row) { resizer.add(row); });
    return there ? frame : Tensor();
}

void write_floats(const Tensor& frame, float* out) {
    std::ranges::transform(frame.span<uint8_t>(), out,
                           [](uint8_t sample) { return static_cast<float>(sample) / 127.5f - 1; });
}

}  // namespace t3video::film
