// to_levels: shapes and dispatch.
#include "ops/levels.h"

#include "cpu/levels.h"
#include "cuda/levels.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Tensor to_levels(Context& ctx, const Tensor& x) {
    require(x.dtype() == DType::f32 || x.dtype() == ctx.compute_type(), "to_levels: x of ", x.dtype());
    Tensor y = empty(ctx, x.shape(), DType::u8);
    dispatch(
        ctx, moved(x, y), [&] { cpu::to_levels(ctx, x, y); }, [&] { cuda::to_levels(ctx, x, y); });
    return y;
}

}  // namespace t3video::ops
