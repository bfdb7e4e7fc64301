// convert: shapes and dispatch.
#include "ops/convert.h"

#include "cpu/convert.h"

namespace t3video::ops {

Tensor convert(Context& ctx, const Tensor& x, DType dtype) {
    require(is_float(x.dtype()) && is_float(dtype), "convert: from ", x.dtype(), " to ", dtype);
    if (x.dtype() == dtype) return x;
    Tensor y = empty(ctx, x.shape(), dtype);
    cpu::convert(ctx, x, y);
    return y;
}

}  // namespace t3video::ops
