// 3D convolution, bound by the matrix units: in place where the card has the kernel, else through cuDNN. For that the
// frames of the history and the chunk are laid one after another, with zero rows where the image ends on one side only;
// that is one pass bound by memory.
#include "cuda/conv3d.h"

#include "cuda/conv_in_place.h"
#include "cuda/conv_scratch.h"
#include "cuda/elementwise.h"
#include "cuda/library/fused_conv.h"

namespace t3video::cuda {

namespace {

// conv3d with bias alone, through cuDNN.
void convolve_by_library(Context& ctx, std::span<const Tensor> parts, int64_t pad_front, const Tensor& taps,
                         const Tensor* bias, const ops::FrameConv& frame, int64_t stride_t, Tensor& y,
                         int64_t band_elements) {
    State& s = state(ctx);
    const DType dtype = parts.back().dtype();
    int64_t frames = pad_front;
    for (const Tensor& part : parts) frames += part.dim(0);
    const int64_t ci = taps.dim(2), co = taps.dim(0);
    const bool pad_w_here = frame.left != frame.right;
    const int64_t columns = frame.w + (pad_w_here ? frame.left + frame.right : 0);
    FusedConv p{.t = frames,
                .h = frame.h,
                .w = columns,
                .ci = ci,
                .co = co,
                .kt = taps.dim(1) / (frame.kh * frame.kw),
                .kh = frame.kh,
                .kw = frame.kw,
                .stride_t = stride_t,
                .stride_h = frame.stride_h,
                .stride_w = frame.stride_w,
                .pad_w = pad_w_here ? 0 : frame.left,
                .dtype = dtype,
                .bias = bias != nullptr};
    const void* bias_data = bias ? bias->raw() : nullptr;
    const int64_t row_elements = columns * ci;

    // One run of frames with equal padding above and below is read in place.
    if (parts.size() == 1 && pad_front == 0 && !pad_w_here && frame.top == frame.bottom && ci == frame.ci &&
        frames * row_elements * frame.h <= band_elements && y.numel() / frame.co * co <= band_elements) {
        p.pad_h = frame.top;
        Tensor result = co == frame.co ? y : empty(ctx, {y.dim(0), y.dim(1), y.dim(2), co}, dtype);
        fused_conv(ctx, p, parts[0].raw(), taps.raw(), bias_data, result.raw());
        if (co != frame.co) copy_without_padding(s, result, frame.co, y.raw(), y.slice(0, 1).bytes());
        return;
    }
    const int64_t out_h = frame.out_h(), out_elements = p.out_t() * frame.out_w() * co;
    const int64_t most =
        std::max<int64_t>(1, std::min((band_elements / (frames * row_elements) - frame.kh) / frame.stride_h + 1,
                                      band_elements / out_elements));
    const int64_t bands = (out_h + most - 1) / most, step = (out_h + bands - 1) / bands;
    const size_t element = size_of(dtype);
    for (int64_t first = 0; first < out_h; first += step) {
        const int64_t rows_out = std::min(step, out_h - first);
        p.h = (rows_out - 1) * frame.stride_h + frame.kh;
        Tensor x = empty(ctx, {frames, p.h, columns, ci}, dtype);
        const size_t frame_bytes = static_cast<size_t>(p.h * columns * ci) * element;
        if (pad_front > 0) check(cudaMemsetAsync(x.raw(), 0, static_cast<size_t>(pad_front) * frame_bytes, s.stream));
        std::byte* to = x.raw() + static_cast<size_t>(pad_front) * frame_bytes;
        for (const Tensor& part : parts) {
            for (int64_t t = 0; t < part.dim(0); ++t, to += frame_bytes) {
                copy_padded(s, dtype, part.slice(t, t + 1).raw(),
                            {.rows = frame.h,
                             .columns = frame.w,
                             .channels = frame.ci,
                             .first_row = first * frame.stride_h - frame.top,
                             .count = p.h,
                             .left = pad_w_here ? frame.left : 0,
                             .columns_to = columns,
                             .channels_to = ci,
                             .zoom = 1},
                            to);
            }
        }
        if (bands == 1 && co == frame.co) {
            fused_conv(ctx, p, x.raw(), taps.raw(), bias_data, y.raw());
            return;
        }
        Tensor result = empty(ctx, {p.out_t(), rows_out, frame.out_w(), co}, dtype);
        fused_conv(ctx, p, x.raw(), taps.raw(), bias_data, result.raw());
        const int64_t row = frame.out_w() * frame.co;
        copy_without_padding(s, result, frame.co, y.raw() + static_cast<size_t>(first * row) * element,
                             static_cast<size_t>(out_h * row) * element);
    }
}

}  // namespace

void conv3d(Context& ctx, std::span<const Tensor> parts, int64_t pad_front, const Tensor& taps, const ops::ConvEnd& end,
            const ops::FrameConv& frame, int64_t stride_t, Tensor& y, int64_t band_elements) {
    const DType dtype = parts.back().dtype();
    require(taps.dtype() == dtype && y.dtype() == dtype, "conv3d: weight of ", taps.dtype(), " for frames of ", dtype);
    if (convolves_in_place(ctx.traits(), dtype, frame, stride_t))
        return convolve_in_place(ctx, parts, pad_front, taps, end, frame, y);
    const Tensor sums = end.residual ? empty_like(ctx, y) : y;
    Tensor to = sums;
    convolve_by_library(ctx, parts, pad_front, taps, end.bias, frame, stride_t, to, band_elements);
    if (end.residual) axpby(ctx, 1.0f, sums, 1.0f, *end.residual, y);
    if (end.relu) relu(ctx, y, y);
}

void upsample_conv2d(Context& ctx, const Tensor& x, const ops::Prepared& weight, const ops::ConvEnd& end,
                     ops::UpsamplePadding pad, Tensor& y) {
    State& s = state(ctx);
    const DType dtype = x.dtype();
    const Tensor& taps = weight.blobs[0];
    require(taps.dtype() == dtype && y.dtype() == dtype, "upsample_conv2d: weight of ", taps.dtype(), " for x of ",
            dtype);
    if (weight.format == ops::Prepared::Format::phases) return upsample_in_place(ctx, x, taps, end, pad, y);
    const int64_t ci = taps.dim(2), co = taps.dim(0);
    const Tensor* const bias = end.bias;
    const bool pad_h_there = pad.top == 1 && pad.bottom == 1;  // else zero rows are written out
    const int64_t rows = pad_h_there ? y.dim(1) : y.dim(1) + 2, columns = y.dim(2);
    Tensor doubled = empty(ctx, {1, rows, columns, ci}, dtype);  // one frame at a time: four times a frame of x
    const FusedConv p{.t = 1,
                      .h = rows,
                      .w = columns,
                      .ci = ci,
                      .co = co,
                      .kt = 1,
                      .kh = 3,
                      .kw = 3,
                      .pad_h = pad_h_there ? 1 : 0,
                      .pad_w = 1,
                      .dtype = dtype,
                      .bias = bias != nullptr};
    Tensor result = co == y.dim(3) ? Tensor() : empty(ctx, {1, y.dim(1), columns, co}, dtype);
    for (int64_t t = 0; t < x.dim(0); ++t) {
        copy_padded(s, dtype, x.slice(t, t + 1).raw(),
                    {.rows = x.dim(1),
                     .columns = x.dim(2),
                     .channels = x.dim(3),
                     .first_row = pad_h_there ? 0 : -pad.top,
                     .count = rows,
                     .left = 0,
                     .columns_to = columns,
                     .channels_to = ci,
                     .zoom = 2},
                    doubled.raw());
        Tensor frame = y.slice(t, t + 1);
        Tensor& to = result.defined() ? result : frame;
        fused_conv(ctx, p, doubled.raw(), taps.raw(), bias ? bias->raw() : nullptr, to.raw());
        if (result.defined()) copy_without_padding(s, result, y.dim(3), frame.raw(), frame.bytes());
    }
    if (end.relu) relu(ctx, y, y);
}

}  // namespace t3video::cuda
