// Elementwise ops: shapes and dispatch.
#include "ops/elementwise.h"

#include "cpu/elementwise.h"
#include "cuda/elementwise.h"
#include "ops/dispatch.h"

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
    dispatch(
        ctx, moved(a, b, y), [&] { cpu::mul(ctx, a, b, y); }, [&] { cuda::mul(ctx, a, b, y); });
    return y;
}

Tensor axpby(Context& ctx, float alpha, const Tensor& x, float beta, const Tensor& y) {
    require_same("axpby", x, y);
    Tensor result = empty_like(ctx, x);
    dispatch(
        ctx, moved(x, y, result), [&] { cpu::axpby(ctx, alpha, x, beta, y, result); },
        [&] { cuda::axpby(ctx, alpha, x, beta, y, result); });
    return result;
}

Tensor silu(Context& ctx, const Tensor& x) {
    Tensor y = empty_like(ctx, x);
    dispatch(
        ctx, moved(x, y), [&] { cpu::silu(ctx, x, y); }, [&] { cuda::silu(ctx, x, y); });
    return y;
}

Tensor gelu_tanh(Context& ctx, const Tensor& x) {
    Tensor y = empty_like(ctx, x);
    dispatch(
        ctx, moved(x, y), [&] { cpu::gelu_tanh(ctx, x, y); }, [&] { cuda::gelu_tanh(ctx, x, y); });
    return y;
}

void add_to(Context& ctx, Tensor& x, const Tensor& h) {
    require_same("add_to", x, h);
    dispatch(
        ctx, moved(x, x, h), [&] { cpu::axpby(ctx, 1.0f, x, 1.0f, h, x); },
        [&] { cuda::axpby(ctx, 1.0f, x, 1.0f, h, x); });
}

void add_gated_to(Context& ctx, Tensor& x, const Tensor& gate, const Tensor& h, int64_t boundary) {
    require_same("add_gated_to", x, h);
    require(x.rank() == 2 && gate.rank() == 2 && gate.dim(1) == x.dim(1) && gate.dim(0) >= 1 && gate.dim(0) <= 2,
            "add_gated_to: gate ", gate.shape(), " for x ", x.shape());
    dispatch(
        ctx, moved(x, x, h), [&] { cpu::gated_add(ctx, x, gate, h, boundary, x); },
        [&] { cuda::gated_add(ctx, x, gate, h, boundary, x); });
}

void add_rows_to(Context& ctx, Tensor& x, const Tensor& h, int64_t first_row) {
    require(x.rank() == 4 && h.rank() == 4 && x.dim(0) == h.dim(0) && x.dim(2) == h.dim(2) && x.dim(3) == h.dim(3) &&
                first_row >= 0 && first_row + x.dim(1) <= h.dim(1),
            "add_rows_to: x ", x.shape(), " from row ", first_row, " of h ", h.shape());
    if (x.dim(1) == h.dim(1)) return add_to(ctx, x, h);
    const int64_t row = x.dim(2) * x.dim(3);
    for (int64_t t = 0; t < x.dim(0); ++t) {
        Tensor to = x.slice(t, t + 1).reshape({x.dim(1), row});
        add_to(ctx, to, h.slice(t, t + 1).reshape({h.dim(1), row}).slice(first_row, first_row + x.dim(1)));
    }
}

Tensor affine(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor& shift) {
    require(scale.numel() == x.dim(-1) && shift.numel() == x.dim(-1), "affine: scale ", scale.shape(), ", shift ",
            shift.shape(), " for x ", x.shape());
    Tensor y = empty_like(ctx, x);
    dispatch(
        ctx, moved(x, y), [&] { cpu::affine(ctx, x, scale, shift, y); },
        [&] { cuda::affine(ctx, x, scale, shift, y); });
    return y;
}

}  // namespace t3video::ops
