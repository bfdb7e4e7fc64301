// Bound by the matrix units: see cuda/hopper/conv.cu. Frames in several parts, the past in front of the present, are
// read where they lie; only channels that are no multiple of 8 are padded first. A 3x3 kernel behind doubled pixels is
// four 2x2 kernels on the pixels themselves, 4/9 of the work.
#include "cuda/conv_in_place.h"

#include <utility>
#include <vector>

#include "cuda/conv_scratch.h"
#include "cuda/hopper/conv.h"
#include "cuda/kernel.cuh"

namespace t3video::cuda {
namespace {

// The frames of the parts one behind another, [frames, h, w, ci] with ci padded as the weight's.
Tensor joined(Context& ctx, std::span<const Tensor> parts, int64_t ci) {
    const Tensor& last = parts.back();
    int64_t frames = 0;
    for (const Tensor& part : parts) frames += part.dim(0);
    Tensor x = empty(ctx, {frames, last.dim(1), last.dim(2), ci}, last.dtype());
    std::byte* to = x.raw();
    for (const Tensor& part : parts) {
        const int64_t rows = part.dim(0) * part.dim(1);
        copy_padded(state(ctx), part.dtype(), part.raw(),
                    {.rows = rows,
                     .columns = part.dim(2),
                     .channels = part.dim(3),
                     .first_row = 0,
                     .count = rows,
                     .left = 0,
                     .columns_to = part.dim(2),
                     .channels_to = ci,
                     .zoom = 1},
                    to);
        to += static_cast<size_t>(rows * part.dim(2) * ci) * size_of(part.dtype());
    }
    return x;
}

}  // namespace

void convolve_in_place(Context& ctx, std::span<const Tensor> parts, int64_t pad_front, const Tensor& taps,
                       const ops::ConvEnd& end, const ops::FrameConv& frame, Tensor& y) {
    const int64_t co = taps.dim(0), ci = taps.dim(2);
    Tensor x;
    std::vector<ConvFrames> runs;
    if (reads_parts(parts.size(), frame.ci)) {
        for (const Tensor& part : parts) runs.push_back({part.raw(), part.dim(0)});
    } else {
        x = joined(ctx, parts, ci);
        runs.push_back({std::as_const(x).raw(), x.dim(0)});
    }
    int64_t frames = 0;
    for (const ConvFrames& run : runs) frames += run.count;
    // The residual of a result with padded channels is padded in its place.
    Tensor result = co == frame.co ? y : empty(ctx, {y.dim(0), y.dim(1), y.dim(2), co}, y.dtype());
    const int64_t y_row = y.dim(2) * co;
    ConvResidual added;
    if (const Tensor* residual = end.residual) added = {residual->raw(), residual->dim(1) * y_row};
    if (const Tensor* above = end.residual_above) {
        added.above = above->raw();
        added.above_rows = above->dim(1);
        added.above_frame = added.above_rows * y_row;
    }
    if (end.residual && co != frame.co) {
        const int64_t rows = y.dim(0) * y.dim(1);
        copy_padded(state(ctx), y.dtype(), end.residual->raw(),
                    {.rows = rows,
                     .columns = y.dim(2),
                     .channels = frame.co,
                     .first_row = 0,
                     .count = rows,
                     .left = 0,
                     .columns_to = y.dim(2),
                     .channels_to = co,
                     .zoom = 1},
                    result.raw());
        added = {std::as_const(result).raw(), y.dim(1) * y_row};
    }
    const HopperConv problem{.t = y.dim(0),
                             .h = y.dim(1),
                             .w = y.dim(2),
                             .co = co,
                             .in_t = frames,
                             .in_h = frame.h,
                             .in_w = frame.w,
                             .ci = ci,
                             .kt = taps.dim(1) / (frame.kh * frame.kw),
                             .kh = frame.kh,
                             .kw = frame.kw,
                             .first_t = -pad_front,
                             .first_h = -frame.top,
                             .first_w = -frame.left,
                             .x_frame = frame.h * frame.w * ci,
                             .x_row = frame.w * ci,
                             .x_column = ci,
                             .y_frame = y.dim(1) * y_row,
                             .y_row = y_row,
                             .y_column = co,
                             .relu = end.relu};
    hopper_conv(ctx, problem, runs, taps.raw(), end.bias ? end.bias->raw() : nullptr, added, result.raw());
    if (co != frame.co) copy_without_padding(state(ctx), result, frame.co, y.raw(), y.slice(0, 1).bytes());
}

void upsample_in_place(Context& ctx, const Tensor& x, const Tensor& phases, const ops::ConvEnd& end,
                       ops::UpsamplePadding pad, Tensor& y) {
    const int64_t height = x.dim(1), width = x.dim(2), ci = x.dim(3), co = y.dim(3);
    for (int64_t p = 0; p < 2; ++p) {
        // Without the zero row above, y starts with an odd row of the doubled frame.
        const int64_t first = p == 0 ? 1 - pad.top : 0, last = p == 0 ? height : height - 1 + pad.bottom;
        const int64_t row = 2 * first + p - (1 - pad.top);
        for (int64_t q = 0; q < 2 && first < last; ++q) {
            const HopperConv problem{.t = x.dim(0),
                                     .h = last - first,
                                     .w = width,
                                     .co = co,
                                     .in_t = x.dim(0),
                                     .in_h = height,
                                     .in_w = width,
                                     .ci = ci,
                                     .kh = 2,
                                     .kw = 2,
                                     .first_h = first - 1 + p,
                                     .first_w = q - 1,
                                     .x_frame = height * width * ci,
                                     .x_row = width * ci,
                                     .x_column = ci,
                                     .y_frame = y.dim(1) * y.dim(2) * co,
                                     .y_row = 2 * y.dim(2) * co,
                                     .y_column = 2 * co,
                                     .relu = end.relu};
            const size_t offset = static_cast<size_t>((row * y.dim(2) + q) * co) * sizeof(__nv_bfloat16);
            const ConvFrames all{x.raw(), x.dim(0)};
            hopper_conv(ctx, problem, {&all, 1}, phases.slice(p, p + 1).reshape({2, co * 4 * ci}).slice(q, q + 1).raw(),
                        end.bias ? end.bias->raw() : nullptr, {}, y.raw() + offset);
        }
    }
}

}  // namespace t3video::cuda
