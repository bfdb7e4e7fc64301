// linear: shapes and dispatch.
#include "ops/linear.h"

#include "cpu/linear.h"

namespace t3video::ops {

Tensor linear(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, Activation activation) {
    require(x.rank() >= 1 && weight.rank() >= 2 && weight.numel() == weight.dim(0) * weight.dim(1) &&
                weight.dim(1) == x.dim(-1),
            "linear: weight ", weight.shape(), " for x ", x.shape());
    require(!bias || bias->numel() == weight.dim(0), "linear: bias ", bias ? bias->shape() : Shape(), " for weight ",
            weight.shape());
    Shape shape = x.shape();
    shape.set_dim(-1, weight.dim(0));
    Tensor y = empty(ctx, shape);
    if (y.numel() > 0) cpu::linear(ctx, x, weight, bias, activation, y);
    return y;
}

}  // namespace t3video::ops
