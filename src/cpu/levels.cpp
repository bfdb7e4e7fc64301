// Decoded values as 8-bit levels. Bound by memory: one pass.
#include "cpu/levels.h"

#include <algorithm>

#include "core/levels.h"

namespace t3video::cpu {

void to_levels(Context& ctx, const Tensor& x, Tensor& y) {
    const float* px = x.data<float>();
    uint8_t* py = y.data<uint8_t>();
    ctx.parallel_for(x.numel(), 1 << 14,
                     [&](int64_t first, int64_t last) { std::transform(px + first, px + last, py + first, to_level); });
}

}  // namespace t3video::cpu
