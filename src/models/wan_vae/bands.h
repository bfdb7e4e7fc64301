// Horizontal bands of a video that decode one after the other. Above the middle block everything is a convolution or
// acts on single pixels. A row of a convolution's result depends on the row below, so what a band gives ends above what
// it takes, by more with each convolution; the rows in between come with the next band, which is handed the last rows
// of this one (nn/band_rows.h). No row is computed twice.
#pragma once

#include <cstdint>
#include <vector>

#include "models/wan_vae/config.h"

namespace t3video::models {

// Rows [first, last).
struct Rows {
    int64_t first = 0, last = 0;

    int64_t count() const { return last - first; }
    friend bool operator==(const Rows&, const Rows&) = default;
};

struct Band {
    Rows latent;  // rows that it takes of the middle block's result
    Rows video;   // pixel rows that it gives
};

// The whole video of a latent with `latent_rows` rows in bands that give about `band_rows` pixel rows each, rounded up
// to whole latent rows; 0: one band. The lowest bands that can be are a little higher than what one row of the latent
// reaches (13 rows of the latent with the released sizes).
std::vector<Band> bands_of(const VaeConfig& config, int64_t latent_rows, int64_t band_rows);

}  // namespace t3video::models
