// Frames of pictures and videos at the size that a network takes.
#pragma once

#include <cstdint>
#include <utility>

#include "media/input/film_reader.h"
#include "media/resize.h"
#include "tensor/tensor.h"

namespace t3video::film {

// How an input comes to another size: one factor for both sides (Lanczos) and what is too much cut off evenly, as the
// official code does; or each side by its own (bicubic), as the T3 script does.
enum class Fit { crop, stretch };

// Width and height as players show it, in square pixels: a side is widened.
std::pair<int64_t, int64_t> shown_size(const media::FrameReader& reader);

// From the reader's frames to width x height.
media::Fitting fitting_of(const media::FrameReader& reader, int64_t width, int64_t height, Fit fit);

// The next frame, [height, width, 3] u8 in host memory; undefined at the end. Throws as FrameReader::read does.
Tensor read_frame(media::FrameReader& reader, const media::Fitting& fitting, int threads);

// The samples of a frame of 8 bits to -1..1, in its order.
void write_floats(const Tensor& frame, float* out);

}  // namespace t3video::film
