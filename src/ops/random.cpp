// random_normal: dispatch.
#include "ops/random.h"

#include "cpu/random.h"
#include "cuda/random.h"
#include "ops/convert.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Tensor random_normal(Context& ctx, Shape shape, DType dtype, uint64_t seed, float mean, float deviation) {
    if (ctx.device() == Device::cpu) {
        Tensor y = empty(ctx, shape);
        cpu::random_normal(ctx, seed, mean, deviation, y);
        return convert(ctx, y, dtype);
    }
    Tensor y = empty(ctx, shape, dtype);
    dispatch(
        ctx, moved(y), [] {}, [&] { cuda::random_normal(ctx, seed, mean, deviation, y); });
    return y;
}

}  // namespace t3video::ops
