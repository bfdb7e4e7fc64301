// Elementwise ops: shapes and dispatch.
#include "ops/elementwise.h"

#include "cpu/elementwise.h"

namespace t3video::ops {
namespace {

void require_same(const char* op, const Tensor& a, const Tensor& b) {
    require(a.shape() == b.shape(), op, ": shapes ", a.shape(), " and ", b.shape(), " differ");
}

}  // namespace

Tensor add(Context& ctx, const Tensor& a, const Tensor& b) {
    return axpby(ctx, 1.0f, a, 1.0f, b);
}

Tensor mul(Context& ctx, const Tensor& a, const Tensor& b) {
    require_same("mul", a, b);
    Tensor y = empty_like(ctx, a);
    cpu::mul(ctx, a, b, y);
    return y;
}

Tensor axpby(Context& ctx, float alpha, const Tensor& x, float beta, const Tensor& y) {
    require_same("axpby", x, y);
    Tensor result = empty_like(ctx, x);
    cpu::axpby(ctx, alpha, x, beta, y, result);
    return result;
}

Tensor silu(Context& ctx, const Tensor& x) {
    Tensor y = empty_like(ctx, x);
    cpu::silu(ctx, x, y);
    return y;
}

Tensor gelu_tanh(Context& ctx, const Tensor& x) {
    Tensor y = empty_like(ctx, x);
    cpu::gelu_tanh(ctx, x, y);
    return y;
}

Tensor gated_add(Context& ctx, const Tensor& x, const Tensor& gate, const Tensor& h, int64_t boundary) {
    require_same("gated_add", x, h);
    require(x.rank() == 2 && gate.rank() == 2 && gate.dim(1) == x.dim(1) && gate.dim(0) >= 1 && gate.dim(0) <= 2,
            "gated_add: gate ", gate.shape(), " for x ", x.shape());
    Tensor y = empty_like(ctx, x);
    cpu::gated_add(ctx, x, gate, h, boundary, y);
    return y;
}

Tensor affine(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor& shift) {
    require(scale.numel() == x.dim(-1) && shift.numel() == x.dim(-1), "affine: scale ", scale.shape(), ", shift ",
            shift.shape(), " for x ", x.shape());
    Tensor y = empty_like(ctx, x);
    cpu::affine(ctx, x, scale, shift, y);
    return y;
}

}  // namespace t3video::ops
