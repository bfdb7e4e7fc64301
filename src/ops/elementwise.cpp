// Elementwise ops: shapes and dispatch.
#include "ops/elementwise.h"

#include "cpu/elementwise.h"
#include "cuda/column_sums.h"
#include "cuda/elementwise.h"
#include "ops/dispatch.h"
#include "ops/row_checks.h"

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
    Tensor result = empty_like(ctx, x);
    axpby_into(ctx, alpha, x, beta, y, result);
    return result;
}

void axpby_into(Context& ctx, float alpha, const Tensor& x, float beta, const Tensor& y, Tensor& result) {
    require_same("axpby", x, y);
    require(result.shape() == x.shape() && result.dtype() == x.dtype(), "axpby: result ", result.shape(), " of ",
            result.dtype(), " for x ", x.shape(), " of ", x.dtype());
    dispatch(
        ctx, moved(x, y, result), [&] { cpu::axpby(ctx, alpha, x, beta, y, result); },
        [&] { cuda::axpby(ctx, alpha, x, beta, y, result); });
}

Tensor add_row(Context& ctx, const Tensor& x, const Tensor& row) {
    require(x.rank() == 2 && row.numel() == x.dim(1) && row.dtype() == DType::f32, "add_row: row ", row.shape(), " of ",
            row.dtype(), " for x ", x.shape());
    Tensor y = empty_like(ctx, x);
    dispatch(
        ctx, moved(x, y), [&] { cpu::add_row(ctx, x, row, y); }, [&] { cuda::add_row(ctx, x, row, y); });
    return y;
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

Tensor soft_clamp(Context& ctx, const Tensor& x, float bound) {
    require(bound > 0, "soft_clamp: a bound of ", bound);
    Tensor y = empty_like(ctx, x);
    dispatch(
        ctx, moved(x, y), [&] { cpu::soft_clamp(ctx, x, bound, y); }, [&] { cuda::soft_clamp(ctx, x, bound, y); });
    return y;
}

void add_to(Context& ctx, Tensor& x, const Tensor& h) {
    require_same("add_to", x, h);
    dispatch(
        ctx, moved(x, x, h), [&] { cpu::axpby(ctx, 1.0f, x, 1.0f, h, x); },
        [&] { cuda::axpby(ctx, 1.0f, x, 1.0f, h, x); });
}

void add_gated_to(Context& ctx, Rows& x, const Tensor& gate, const Tensor& h, const TokenSets& sets) {
    const Residual residual{h, &gate};
    require_residual("add_gated_to", x, residual, sets);
    const double rows_of_x = static_cast<double>(h.numel()) * static_cast<double>(size_of(x.data.dtype()));
    dispatch(
        ctx, {.bytes = static_cast<double>(h.bytes()) + 2 * rows_of_x},
        [&] { cpu::add_residual(ctx, x, residual, sets); }, [&] { cuda::add_residual(ctx, x, residual, sets); });
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

Tensor silu_backward(Context& ctx, const Tensor& x, const Tensor& dy) {
    require_same("silu_backward", x, dy);
    Tensor dx = empty_like(ctx, dy);
    dispatch(
        ctx, moved(x, dy, dx), [&] { cpu::silu_backward(ctx, x, dy, dx); },
        [&] { cuda::silu_backward(ctx, x, dy, dx); });
    return dx;
}

Tensor gelu_tanh_backward(Context& ctx, const Tensor& x, const Tensor& dy) {
    require_same("gelu_tanh_backward", x, dy);
    Tensor dx = empty_like(ctx, dy);
    dispatch(
        ctx, moved(x, dy, dx), [&] { cpu::gelu_tanh_backward(ctx, x, dy, dx); },
        [&] { cuda::gelu_tanh_backward(ctx, x, dy, dx); });
    return dx;
}

Tensor add_gated_backward(Context& ctx, const Rows& dx, const Tensor& gate, const Tensor& h, const TokenSets& sets,
                          Tensor* dgate) {
    require_residual("add_gated_backward", dx, {h, &gate}, sets);
    require_gradient("add_gated_backward", dgate, gate.numel());
    Tensor dh = empty_like(ctx, h);
    const double rows_of_dx = static_cast<double>(h.numel()) * static_cast<double>(size_of(dx.data.dtype()));
    dispatch(
        ctx, {.bytes = rows_of_dx + 2 * static_cast<double>(h.bytes())},
        [&] { cpu::add_gated_backward(ctx, dx, gate, h, sets, dh, dgate); },
        [&] { cuda::add_gated_backward(ctx, dx, gate, h, sets, dh, dgate); },
        ctx.target() == Device::cpu ? Scratch{} : cuda::column_scratch(ctx.traits(), h.dim(1), 2, sets.samples));
    return dh;
}

}  // namespace t3video::ops
