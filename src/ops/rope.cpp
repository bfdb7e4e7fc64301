// rope: shapes and dispatch.
#include "ops/rope.h"

#include "cpu/norm.h"
#include "cpu/rope.h"
#include "cuda/column_sums.h"
#include "cuda/rope.h"
#include "ops/dispatch.h"
#include "ops/row_checks.h"

namespace t3video::ops {
namespace {

void check(const Tensor& x, const RopeTable& table, int64_t heads, const Tokens& tokens) {
    const int64_t pairs = table.cos_t.dim(1) + table.cos_h.dim(1) + table.cos_w.dim(1);
    require(x.rank() == 2 && x.dim(1) == heads * 2 * pairs, "rope: x ", x.shape(), " for ", heads, " heads of ",
            2 * pairs);
    require_tokens("rope", tokens, x.dim(0), table.grid.tokens() * table.samples);
    require(
        table.cos_t.dim(0) >= table.grid.t && table.cos_h.dim(0) >= table.grid.h && table.cos_w.dim(0) >= table.grid.w,
        "rope: the table is smaller than grid ", table.grid);
}

}  // namespace

Tensor rope(Context& ctx, const Tensor& x, const RopeTable& table, int64_t heads, int64_t first) {
    Tensor y = empty_like(ctx, x);
    const NormRope operand{x, nullptr, 0.0f, y};
    norm_rope_into(ctx, {&operand, 1}, table, heads, {.first = first});
    return y;
}

void norm_rope_into(Context& ctx, std::span<const NormRope> operands, const RopeTable& table, int64_t heads,
                    const Tokens& tokens) {
    require(!operands.empty() && operands.size() <= 3, "norm_rope: ", operands.size(), " tensors");
    const Tensor& front = operands[0].x;
    check(front, table, heads, tokens);
    for (const auto& [x, weight, eps, y] : operands) {
        require(x.shape() == front.shape() && x.dtype() == front.dtype(), "norm_rope: x ", x.shape(), " of ", x.dtype(),
                " beside ", front.shape(), " of ", front.dtype());
        require((!weight || weight->numel() == x.dim(1)) && y.shape() == x.shape() && y.dtype() == x.dtype(),
                "norm_rope: y ", y.shape(), " of ", y.dtype(), ", weight ", weight ? weight->shape() : Shape(),
                " for x ", x.shape(), " of ", x.dtype());
    }
    const auto on_cpu = [&] {
        for (const auto& [x, weight, eps, y] : operands) {
            if (weight) cpu::rms_norm(ctx, x, *weight, eps, y);
            cpu::rope(ctx, weight ? y : x, table, heads, tokens, y);
        }
    };
    const double bytes = 2.0 * static_cast<double>(operands.size() * front.bytes());
    dispatch(ctx, {.bytes = bytes}, on_cpu, [&] { cuda::norm_rope(ctx, operands, table, tokens); });
}

void norm_rope_backward_into(Context& ctx, std::span<const NormRopeGradient> operands, const RopeTable& table,
                             int64_t heads, const Tokens& tokens) {
    require(!operands.empty() && operands.size() <= 3, "norm_rope_backward: ", operands.size(), " tensors");
    const Tensor& front = operands[0].x;
    check(front, table, heads, tokens);
    for (const auto& [x, weight, eps, dy, dx, dweight] : operands) {
        for (const Tensor* t : {&x, &dy, static_cast<const Tensor*>(&dx)}) {
            require(t->shape() == front.shape() && t->dtype() == front.dtype(), "norm_rope_backward: ", t->shape(),
                    " of ", t->dtype(), " beside ", front.shape(), " of ", front.dtype());
        }
        require(!weight || weight->numel() == x.dim(1), "norm_rope_backward: weight ",
                weight ? weight->shape() : Shape(), " for x ", x.shape());
        require_gradient("norm_rope_backward", dweight, x.dim(1));
    }
    const auto on_cpu = [&] {
        for (const auto& [x, weight, eps, dy, dx, dweight] : operands) {
            cpu::rope_backward(ctx, dy, table, heads, tokens, dx);
            if (weight) cpu::rms_norm_backward(ctx, x, *weight, eps, dx, dx, dweight);
        }
    };
    const double bytes = 3.0 * static_cast<double>(operands.size() * front.bytes());
    dispatch(
        ctx, {.bytes = bytes}, on_cpu, [&] { cuda::norm_rope_backward(ctx, operands, table, tokens); },
        ctx.target() == Device::cpu ? Scratch{}
                                    : cuda::norm_backward_scratch(ctx.traits(), front.dim(0), front.dim(1)));
}

}  // namespace t3video::ops
