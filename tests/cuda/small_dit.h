// A transformer small enough to run in every type and residency, on the models' own kernels.
#pragma once

#include "models/wan_dit/config.h"

namespace t3video::testing {

// Heads are 64 wide, of two of them 128, as in the published models.
inline models::DitConfig small_dit(int64_t layers, int64_t heads = 4) {
    models::DitConfig c;
    c.dim = 256;
    c.heads = heads;
    c.layers = layers;
    c.ffn_dim = 512;
    c.in_channels = c.out_channels = 16;
    c.text_dim = 64;
    c.freq_dim = 64;
    return c;
}

}  // namespace t3video::testing
