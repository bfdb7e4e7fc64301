// linear: shapes and dispatch.
#include "ops/linear.h"

#include "cpu/linear.h"
#include "cpu/packed_matrix.h"
#include "cuda/linear.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Tensor linear(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, Activation activation) {
    require(x.rank() >= 1 && weight.rank() >= 2, "linear: weight ", weight.shape(), " for x ", x.shape());
    Shape shape = x.shape();
    shape.set_dim(-1, weight.dim(0));
    Tensor y = empty(ctx, shape, x.dtype());
    linear_into(ctx, x, weight, bias, activation, y);
    return y;
}

void linear_into(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, Activation activation,
                 Tensor& y) {
    require(x.rank() >= 1 && weight.rank() >= 2 && weight.numel() == weight.dim(0) * weight.dim(1) &&
                weight.dim(1) == x.dim(-1),
            "linear: weight ", weight.shape(), " for x ", x.shape());
    require(!bias || bias->numel() == weight.dim(0), "linear: bias ", bias ? bias->shape() : Shape(), " for weight ",
            weight.shape());
    require(y.dtype() == x.dtype() && y.dim(-1) == weight.dim(0) && y.numel() / weight.dim(0) * x.dim(-1) == x.numel(),
            "linear: y ", y.shape(), " of ", y.dtype(), " for x ", x.shape(), " of ", x.dtype());
    if (y.numel() == 0) return;
    dispatch(
        ctx, {.matrix = 2.0 * double(y.numel()) * double(x.dim(-1))},
        [&] { cpu::linear(ctx, x, weight, bias, activation, y); },
        [&] { cuda::linear(ctx, x, weight, bias, activation, y); },
        ctx.target() == Device::cpu ? cpu::linear_scratch(weight) : Scratch{});
}

Tensor pack_weight(Context& ctx, const Tensor& weight) {
    require(weight.rank() == 2, "pack_weight: weight ", weight.shape(), ", expected [out, in]");
    if (ctx.target() != Device::cpu) return weight;
    if (ctx.device() == Device::cpu) return cpu::pack_matrix(ctx, weight);
    const Tensor decoded = weight.dtype() == DType::f32 ? weight : empty(ctx, weight.shape());
    const auto blocks = ctx.allocator().allocate(cpu::packed_bytes(weight.dim(0), weight.dim(1)));
    return {weight.shape(), DType::f32, blocks};
}

}  // namespace t3video::ops
