// Optimisers: shapes and dispatch.
#include "ops/optimizer.h"

#include "cpu/elementwise.h"
#include "cpu/optimizer.h"
#include "cuda/column_sums.h"
#include "cuda/elementwise.h"
#include "cuda/optimizer.h"
#include "ops/dispatch.h"

namespace t3video::ops {
namespace {

void require_moment(const AdamMoment& m, const Tensor& w) {
    const int64_t blocks = (w.numel() + kMomentBlock - 1) / kMomentBlock;
    require(m.values.numel() == w.numel() && m.values.dtype() == (m.in_8_bits() ? DType::u8 : DType::f32) &&
                (!m.in_8_bits() || (m.scales.numel() == blocks && m.scales.dtype() == DType::f32)),
            "adamw: moments ", m.values.shape(), " of ", m.values.dtype(), " for w ", w.shape());
}

size_t bytes(const AdamMoment& m) {
    return m.values.bytes() + (m.in_8_bits() ? m.scales.bytes() : 0);
}

}  // namespace

double sum_of_squares(Context& ctx, std::span<const Tensor> tensors) {
    double bytes = 0, sum = 0;
    for (const Tensor& x : tensors) {
        require(x.dtype() == DType::f32, "sum_of_squares: x of ", x.dtype());
        bytes += static_cast<double>(x.bytes());
    }
    dispatch(
        ctx, {.bytes = bytes}, [&] { sum = cpu::sum_of_squares(ctx, tensors); },
        [&] { sum = cuda::sum_of_squares(ctx, tensors); },
        ctx.target() == Device::cpu ? Scratch{} : cuda::sum_scratch(ctx.traits(), tensors.size()));
    return sum;
}

void adamw(Context& ctx, const AdamStep& step, const Tensor& gradient, Tensor& w, AdamMoment& m, AdamMoment& v,
           Tensor* rounded) {
    require(w.dtype() == DType::f32 && gradient.dtype() == DType::f32 && gradient.numel() == w.numel() &&
                (!rounded || rounded->numel() == w.numel()),
            "adamw: gradient ", gradient.shape(), " of ", gradient.dtype(), " for w ", w.shape(), " of ", w.dtype());
    require_moment(m, w);
    require_moment(v, w);
    const size_t moved = 3 * w.bytes() + 2 * (bytes(m) + bytes(v)) + (rounded ? rounded->bytes() : 0);
    dispatch(
        ctx, {.bytes = static_cast<double>(moved)}, [&] { cpu::adamw(ctx, step, gradient, w, m, v, rounded); },
        [&] { cuda::adamw(ctx, step, gradient, w, m, v, rounded); });
}

void blend_into(Context& ctx, Tensor& y, const Tensor& x, float keep) {
    require(y.numel() == x.numel() && y.dtype() == DType::f32 && x.dtype() == DType::f32, "blend_into: x ", x.shape(),
            " of ", x.dtype(), " into ", y.shape(), " of ", y.dtype());
    dispatch(
        ctx, moved(x, y, y), [&] { cpu::axpby(ctx, keep, y, 1.0f - keep, x, y); },
        [&] { cuda::axpby(ctx, keep, y, 1.0f - keep, x, y); });
}

}  // namespace t3video::ops
