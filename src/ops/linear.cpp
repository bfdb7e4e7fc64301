// linear: shapes and dispatch.
#include "ops/linear.h"

#include "cpu/linear.h"
#include "cuda/linear.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Tensor linear(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, Activation activation) {
    require(x.rank() >= 1 && weight.shape().rank() >= 2, "linear: weight ", weight.shape(), " for x ", x.shape());
    Shape shape = x.shape();
    shape.set_dim(-1, weight.shape()[0]);
    Tensor y = empty(ctx, shape, x.dtype());
    linear_into(ctx, x, weight, bias, activation, y);
    return y;
}

void linear_into(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, Activation activation,
                 Tensor& y) {
    const Shape& w = weight.shape();
    require(x.rank() >= 1 && w.rank() >= 2 && w[0] * x.dim(-1) == w.numel(), "linear: weight ", w, " for x ",
            x.shape());
    require(!bias || bias->numel() == w[0], "linear: bias ", bias ? bias->shape() : Shape(), " for weight ", w);
    require(y.dtype() == x.dtype() && y.dim(-1) == w[0] && y.numel() / w[0] * x.dim(-1) == x.numel(), "linear: y ",
            y.shape(), " of ", y.dtype(), " for x ", x.shape(), " of ", x.dtype());
    if (y.numel() == 0) return;
    const Prepared matrix = weight.prepared(ctx, Role::matrix);
    dispatch(
        ctx, {.matrix = 2.0 * double(y.numel()) * double(x.dim(-1))},
        [&] { cpu::linear(ctx, x, matrix, bias, activation, y); },
        [&] { cuda::linear(ctx, x, matrix.blobs[0], bias, activation, y); });
}

}  // namespace t3video::ops
