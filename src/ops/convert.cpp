// convert: shapes and dispatch.
#include "ops/convert.h"

#include "cpu/convert.h"
#include "cuda/convert.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Tensor convert(Context& ctx, const Tensor& x, DType dtype) {
    require(is_float(x.dtype()) && is_float(dtype), "convert: from ", x.dtype(), " to ", dtype);
    if (x.dtype() == dtype) return x;
    Tensor y = empty(ctx, x.shape(), dtype);
    dispatch(
        ctx, moved(x, y), [&] { cpu::convert(ctx, x, y); }, [&] { cuda::convert(ctx, x, y); });
    return y;
}

}  // namespace t3video::ops
