// Horizontal bands of a video that decode one after the other, each from the rows of the middle block's result that it
// depends on, and the memory that this takes. Above the middle block everything is a convolution or acts on single
// pixels, so a band that starts with enough rows around it comes out exactly as in the whole frame. Rows beyond the
// band count as zeros for a convolution; what that spoils grows by a row with each of them and is cut off at the end.
// All bands have the same heights at each level, so that one plan of a convolution serves them all.
#pragma once

#include <cstdint>
#include <vector>

#include "models/wan_vae/config.h"
#include "tensor/op_types.h"

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

// Bytes of activations that decoding a latent [z, T, h, w] takes at most, the caller's frames not counted. Activations
// have `element_bytes` each. Made for the CPU's pool, whose measured peaks are 0 to 30 % below; a GPU's arena needs
// less.
int64_t decode_bytes(const VaeConfig& config, const Shape& latent, int64_t band_rows, int64_t element_bytes,
                     Device device = Device::cpu);

// Height of the largest bands whose decode_bytes stay within the budget, for DecodeOptions::band_rows: 0 when whole
// frames do; one latent row when nothing does.
int64_t band_rows_for(const VaeConfig& config, const Shape& latent, int64_t element_bytes, int64_t budget_bytes,
                      Device device = Device::cpu);

}  // namespace t3video::models
