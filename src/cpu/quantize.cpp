// Decoded values as 8-bit code values. Bound by memory: one pass.
#include "cpu/quantize.h"

#include <algorithm>

#include "core/quantize.h"

namespace t3video::cpu {

void quantize_u8(Context& ctx, const Tensor& x, Tensor& y) {
    const float* px = x.data<float>();
    uint8_t* py = y.data<uint8_t>();
    ctx.parallel_for(x.numel(), 1 << 14, [&](int64_t first, int64_t last) {
        std::transform(px + first, px + last, py + first, t3video::quantize_u8);
    });
}

}  // namespace t3video::cpu
