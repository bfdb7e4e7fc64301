// Each value comes from its index, so threads need no order.
#include "cpu/random.h"

#include "core/hash_normal.h"

namespace t3video::cpu {

void random_normal(Context& ctx, uint64_t seed, float mean, float deviation, Tensor& y) {
    float* values = y.data<float>();
    ctx.parallel_for(y.numel(), 1 << 14, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
            values[i] = mean + deviation * hash_normal(seed, static_cast<uint64_t>(i));
    });
}

}  // namespace t3video::cpu
