// convert: shapes and dispatch.
#include "ops/convert.h"

#include "cpu/convert.h"
#include "cuda/convert.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Tensor convert(Context& ctx, const Stored& x, DType dtype) {
    require(x.is_float() && is_float(dtype), "convert: from ", x.type_name(), " to ", dtype);
    if (x.encoding() && ctx.device() == Device::cuda) {
        Tensor y = empty_on_host(x.shape(), dtype);
        cpu::convert(ctx, x, y);
        return to_device(ctx, y);
    }
    if (!x.encoding() && x.numbers().dtype() == dtype) return x.numbers();
    Tensor y = empty(ctx, x.shape(), dtype);
    dispatch(
        ctx, moved(x, y), [&] { cpu::convert(ctx, x, y); }, [&] { cuda::convert(ctx, x.numbers(), y); });
    return y;
}

Tensor convert_to_device(Context& ctx, const Stored& x, DType dtype) {
    return convert(ctx, x.encoding() ? x : to_device(ctx, x.numbers()), dtype);
}

Tensor round_in_place(Context& ctx, Tensor& x, DType dtype) {
    require(x.dtype() == DType::f32 && is_float(dtype), "round_in_place: x of ", x.dtype(), " as ", dtype);
    if (dtype == DType::f32) return clone(ctx, x);
    Tensor y = convert(ctx, x, dtype);
    dispatch(
        ctx, moved(x, y), [&] { cpu::convert(ctx, y, x); }, [&] { cuda::convert(ctx, y, x); });
    return y;
}

}  // namespace t3video::ops
