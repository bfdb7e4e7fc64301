// quantize_u8: shapes and dispatch.
#include "ops/quantize.h"

#include "cpu/quantize.h"
#include "cuda/quantize.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Tensor quantize_u8(Context& ctx, const Tensor& x) {
    require(x.dtype() == DType::f32 || x.dtype() == ctx.compute_type(), "quantize_u8: x of ", x.dtype());
    Tensor y = empty(ctx, x.shape(), DType::u8);
    dispatch(
        ctx, moved(x, y), [&] { cpu::quantize_u8(ctx, x, y); }, [&] { cuda::quantize_u8(ctx, x, y); });
    return y;
}

}  // namespace t3video::ops
