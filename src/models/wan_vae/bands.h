// Horizontal bands of a video that decode one after the other, each from the rows of the middle block's result that it
// depends on. Above the middle block everything is a convolution or acts on single pixels, so a band that starts with
// enough rows around it comes out exactly as in the whole frame. Rows beyond the band count as zeros for a convolution;
// what that spoils grows by a row with each of them and is cut off at the end. All bands have the same heights at each
// level, so that one plan of a convolution serves them all.
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

// What a stage, or the head, takes of the frames that the level below gives.
struct BandLevel {
    Rows rows;     // in the whole frame
    int64_t skip;  // given rows in front of them: at level 0 those of the whole frame, above it at most a few
};

struct Band {
    Rows video;                     // pixel rows
    int64_t skip = 0;               // rows of the head's result in front of them
    std::vector<BandLevel> levels;  // by stage, level 0 takes the middle block's result; the last is the head's
};

// The whole video of a latent with `latent_rows` rows in bands of about equal height, at most `band_rows` pixel rows
// each, rounded up to whole latent rows; 0: one band.
std::vector<Band> bands_of(const VaeConfig& config, int64_t latent_rows, int64_t band_rows);

}  // namespace t3video::models
