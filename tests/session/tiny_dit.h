// The smallest transformer, of random weights.
#pragma once

#include <cmath>

#include "models/wan_dit/model.h"
#include "support/params.h"
#include "support/tensors.h"

namespace t3video::session {

inline models::WanDit tiny_dit(Context& ctx, uint32_t seed) {
    models::DitConfig c;
    c.dim = 24;
    c.heads = 2;
    c.layers = 3;
    c.ffn_dim = 20;
    c.in_channels = c.out_channels = 16;
    c.text_dim = 8;
    c.freq_dim = 6;
    models::WanDit dit(c);
    dit.for_each_param("", [&](const std::string&, nn::Param& param) {
        param.value = testing::randn(ctx, param.shape, ++seed);
        for (float& value : testing::numbers_of(param)) value /= std::sqrt(float(param.shape.dim(-1)));
    });
    return dit;
}

}  // namespace t3video::session
