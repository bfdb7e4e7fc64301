// Horizontal bands of a video that decode one after the other. Above the middle block everything is a convolution or
// acts on single pixels. The result of a band ends above its input, because a row depends on rows below it
// (nn/halo.h); the rows in between come with the next band, which is handed the last rows of this one.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/halo.h"

namespace t3video::models {

// Rows [first, last).
struct RowRange {
    int64_t first = 0, last = 0;

    int64_t count() const { return last - first; }
    friend bool operator==(const RowRange&, const RowRange&) = default;
};

struct Band {
    RowRange latent;  // rows of the middle block's result that it reads
    RowRange video;   // rows of pixels that it computes from them
};

// The whole video of a latent with `latent_rows` rows in bands that compute about `band_rows` rows of pixels each,
// rounded up to whole latent rows; 0: one band. `halo` is the decoder's: the first band reads its lag in addition, 13
// rows with the released sizes.
std::vector<Band> bands_of(const nn::Halo& halo, int64_t latent_rows, int64_t band_rows);

}  // namespace t3video::models
