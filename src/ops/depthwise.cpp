// Depthwise convolution: shapes and dispatch.
#include "ops/depthwise.h"

#include "cpu/depthwise.h"
#include "cuda/depthwise.h"
#include "ops/dispatch.h"

namespace t3video::ops {
namespace {

// The odd root of a number of taps; 0 where it has none.
int64_t side_of(int64_t taps) {
    int64_t side = 1;
    while (side * side < taps) side += 2;
    return side * side == taps ? side : 0;
}

}  // namespace

Tensor depthwise_with_past(Context& ctx, const Tensor& x, const Tensor& weight) {
    require(x.rank() == 4 && x.dim(0) >= 2, "depthwise_with_past: x ", x.shape(),
            ", expected a past frame and others behind it");
    require(weight.rank() == 2 && weight.dim(1) == 2 * x.dim(3) && side_of(weight.dim(0)) > 0,
            "depthwise_with_past: weight ", weight.shape(), " for x ", x.shape());
    const int64_t side = side_of(weight.dim(0));
    Tensor y = empty(ctx, {x.dim(0) - 1, x.dim(1), x.dim(2), 2 * x.dim(3)}, x.dtype());
    dispatch(
        ctx, moved(x, y, y), [&] { cpu::depthwise_with_past(ctx, x, weight, side, y); },
        [&] { cuda::depthwise_with_past(ctx, x, weight, side, y); });
    return y;
}

}  // namespace t3video::ops
