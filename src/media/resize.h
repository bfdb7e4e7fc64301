// Pictures in another size.
#pragma once

#include "media/frame.h"

namespace t3video::media {

enum class Filter { bicubic, lanczos };  // Keys' cubic with a = -0.5; windowed sinc of three lobes

// `image`, of u8, in another size, each side by a factor of its own. Where a side shrinks its filter is stretched by
// the same factor, so that every pixel counts; beyond the edges nothing counts. Rounded once, at the end. The result is
// the same for any number of threads.
Image resize(const Image& image, int64_t width, int64_t height, Filter filter, int threads = 1);

// The same with one factor for both sides, the smallest at which the picture covers width x height, and what is too
// much cut off evenly, of an odd excess one more row or column at the bottom or right.
Image cover(const Image& image, int64_t width, int64_t height, Filter filter, int threads = 1);

}  // namespace t3video::media
