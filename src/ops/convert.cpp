// convert: shapes and dispatch.
#include "ops/convert.h"

#include "cpu/convert.h"
#include "cuda/convert.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Tensor convert(Context& ctx, const Tensor& x, DType dtype) {
    require((is_float(x.dtype()) || x.dtype() == DType::encoded) && is_float(dtype), "convert: from ", x.dtype(),
            " to ", dtype);
    if (x.dtype() == DType::encoded && ctx.device() != Device::cpu && ctx.device() != Device::meta) {
        Tensor y = empty_on_host(x.shape(), dtype);
        cpu::convert(ctx, x, y);
        return to_device(ctx, y);
    }
    if (x.dtype() == dtype) return x;
    Tensor y = empty(ctx, x.shape(), dtype);
    dispatch(
        ctx, moved(x, y), [&] { cpu::convert(ctx, x, y); }, [&] { cuda::convert(ctx, x, y); });
    return y;
}

Tensor convert_to_device(Context& ctx, const Tensor& x, DType dtype) {
    return convert(ctx, x.dtype() == DType::encoded ? x : to_device(ctx, x), dtype);
}

}  // namespace t3video::ops
