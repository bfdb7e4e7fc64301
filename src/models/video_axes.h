// Videos as files and as convolutions have them.
#pragma once

#include "ops/layout.h"

namespace t3video::models {

// [C, T, H, W] -> [T, H, W, C]
inline Tensor channels_last(Context& ctx, const Tensor& x) {
    const int64_t pixels = x.numel() / x.dim(0);
    return ops::transpose(ctx, x.reshape({x.dim(0), pixels})).reshape({x.dim(1), x.dim(2), x.dim(3), x.dim(0)});
}

// [T, H, W, C] -> [C, T, H, W]
inline Tensor channels_first(Context& ctx, const Tensor& x) {
    const int64_t pixels = x.numel() / x.dim(3);
    return ops::transpose(ctx, x.reshape({pixels, x.dim(3)})).reshape({x.dim(3), x.dim(0), x.dim(1), x.dim(2)});
}

}  // namespace t3video::models
