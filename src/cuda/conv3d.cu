// 3D convolution. Bound by the matrix units through cuDNN. In front of it the frames of the history and the chunk are
// laid one after another, with zero rows where the image ends on one side only; that is one pass bound by memory.
#include "cuda/conv3d.h"

#include "cuda/convert.h"
#include "cuda/fused_conv.h"
#include "cuda/hopper_conv.h"
#include "cuda/kernel.cuh"
#include "tensor/scratch.h"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256;

// cuDNN's bf16 kernels take channels by eights.
int64_t padded_channels(int64_t channels, DType dtype) {
    return dtype == DType::bf16 ? ops::round_channels(channels, 8) : channels;
}

// [co, ci, taps] -> [co_padded, taps, ci_padded]
template <class T>
__global__ void arrange_weight(const T* weight, int64_t co, int64_t ci, int64_t taps, int64_t co_padded,
                               int64_t ci_padded, T* to) {
    const int64_t count = co_padded * taps * ci_padded;
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += int64_t{gridDim.x} * kThreads) {
        const int64_t c = i % ci_padded, tap = i / ci_padded % taps, o = i / (ci_padded * taps);
        to[i] = c < ci && o < co ? weight[(o * ci + c) * taps + tap] : from_float<T>(0.0f);
    }
}

template <class B>
__global__ void arrange_bias(const B* bias, int64_t co, int64_t co_padded, float* to) {
    for (int64_t i = threadIdx.x; i < co_padded; i += kThreads) to[i] = i < co ? to_float(bias[i]) : 0.0f;
}

// to[y, x, c] = from[y + first_row, (x - left) / zoom, c], zero outside; rows first_row .. of an image of `rows` rows
// after zooming by `zoom` in both directions. to: [count, columns_to, channels_to], packs of N elements.
struct Placement {
    int64_t rows, columns, channels;        // of the source, before zooming; channels in packs
    int64_t first_row, count;               // rows of the result, counted in the zoomed source
    int64_t left, columns_to, channels_to;  // columns and channels of the result
    int zoom;
};

template <class T, int N>
__global__ void place_rows(const T* from, Placement p, T* to) {
    using Packed = Pack<T, N>;
    const int64_t total = p.count * p.columns_to * p.channels_to;
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < total; i += int64_t{gridDim.x} * kThreads) {
        const int64_t c = i % p.channels_to, x = i / p.channels_to % p.columns_to - p.left;
        const int64_t y = i / (p.channels_to * p.columns_to) + p.first_row;
        Packed value{};
        if (c < p.channels && x >= 0 && x < p.columns * p.zoom && y >= 0 && y < p.rows * p.zoom) {
            value = reinterpret_cast<const Packed*>(from)[((y / p.zoom) * p.columns + x / p.zoom) * p.channels + c];
        }
        reinterpret_cast<Packed*>(to)[i] = value;
    }
}

// y[row, 0..channels) = x[row, 0..channels) of rows channels_from wide
template <class T>
__global__ void drop_channels(const T* x, int64_t rows, int64_t channels_from, int64_t channels, T* y) {
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < rows * channels;
         i += int64_t{gridDim.x} * kThreads) {
        y[i] = x[i / channels * channels_from + i % channels];
    }
}

struct Arranged {
    Tensor weight, bias;
};

Arranged arrange(Context& ctx, const Tensor& weight, const Tensor* bias) {
    State& s = state(ctx);
    const DType dtype = weight.dtype();
    const int64_t co = weight.dim(0), ci = weight.dim(1), taps = weight.numel() / (co * ci);
    const int64_t co_padded = padded_channels(co, dtype), ci_padded = padded_channels(ci, dtype);
    Arranged a{empty(ctx, {co_padded, taps, ci_padded}, dtype), bias ? empty(ctx, {co_padded}) : Tensor()};
    visit(dtype, [&]<class T>() {
        arrange_weight<<<blocks_for(s, a.weight.numel() / kThreads), kThreads, 0, s.stream>>>(
            in<T>(weight), co, ci, taps, co_padded, ci_padded, out<T>(a.weight));
    });
    if (bias) {
        visit(bias->dtype(), [&]<class B>() {
            arrange_bias<<<1, kThreads, 0, s.stream>>>(in<B>(*bias), co, co_padded, out<float>(a.bias));
        });
    }
    check_launch();
    return a;
}

void place(State& s, DType dtype, const std::byte* from, Placement p, std::byte* to) {
    visit(dtype, [&]<class T>() {
        constexpr int kElements = 16 / sizeof(T);
        const auto launch = [&]<int N>() {
            p.channels /= N;
            p.channels_to /= N;
            place_rows<T, N>
                <<<blocks_for(s, p.count * p.columns_to * p.channels_to / kThreads), kThreads, 0, s.stream>>>(
                    reinterpret_cast<const T*>(from), p, reinterpret_cast<T*>(to));
        };
        if (p.channels % kElements == 0 && p.channels_to % kElements == 0) {
            launch.template operator()<kElements>();
        } else {
            launch.template operator()<1>();
        }
    });
    check_launch();
}

// Writes y [f, rows, columns, co], whose frames lie frame_bytes apart, from a packed result of co_padded channels.
void put(State& s, const Tensor& result, int64_t co, std::byte* y, size_t frame_bytes) {
    const int64_t frames = result.dim(0), rows = result.dim(1) * result.dim(2), co_padded = result.dim(3);
    const size_t element = size_of(result.dtype());
    if (co == co_padded) {
        const size_t bytes = static_cast<size_t>(rows * co) * element;
        check(cudaMemcpy2DAsync(y, frame_bytes, result.raw(), bytes, bytes, static_cast<size_t>(frames),
                                cudaMemcpyDeviceToDevice, s.stream));
        return;
    }
    visit(result.dtype(), [&]<class T>() {
        for (int64_t f = 0; f < frames; ++f) {
            drop_channels<<<blocks_for(s, rows * co / kThreads), kThreads, 0, s.stream>>>(
                in<T>(result) + f * rows * co_padded, rows, co_padded, co,
                reinterpret_cast<T*>(y + static_cast<size_t>(f) * frame_bytes));
        }
    });
    check_launch();
}

// The frames of the parts one behind another, [frames, h, w, ci] with ci padded as the weight's.
Tensor joined(Context& ctx, std::span<const Tensor> parts, int64_t ci) {
    const Tensor& last = parts.back();
    if (parts.size() == 1 && last.dim(3) == ci) return last;
    int64_t frames = 0;
    for (const Tensor& part : parts) frames += part.dim(0);
    Tensor x = empty(ctx, {frames, last.dim(1), last.dim(2), ci}, last.dtype());
    std::byte* to = x.raw();
    for (const Tensor& part : parts) {
        const int64_t rows = part.dim(0) * part.dim(1);
        place(state(ctx), part.dtype(), part.raw(),
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

void convolve_in_place(Context& ctx, std::span<const Tensor> parts, int64_t pad_front, const Arranged& w,
                       const ops::FrameConv& frame, Tensor& y) {
    const int64_t co = w.weight.dim(0), ci = w.weight.dim(2);
    const Tensor x = joined(ctx, parts, ci);
    Tensor result = co == frame.co ? y : empty(ctx, {y.dim(0), y.dim(1), y.dim(2), co}, y.dtype());
    const HopperConv problem{.t = y.dim(0),
                             .h = y.dim(1),
                             .w = y.dim(2),
                             .co = co,
                             .in_t = x.dim(0),
                             .in_h = frame.h,
                             .in_w = frame.w,
                             .ci = ci,
                             .kt = w.weight.dim(1) / (frame.kh * frame.kw),
                             .kh = frame.kh,
                             .kw = frame.kw,
                             .first_t = -pad_front,
                             .first_h = -frame.top,
                             .first_w = -frame.left,
                             .x_frame = frame.h * frame.w * ci,
                             .x_row = frame.w * ci,
                             .x_column = ci,
                             .y_frame = y.dim(1) * y.dim(2) * co,
                             .y_row = y.dim(2) * co,
                             .y_column = co};
    hopper_conv(ctx, problem, x.raw(), w.weight.raw(), w.bias.defined() ? w.bias.raw() : nullptr, nullptr,
                result.raw());
    if (co != frame.co) put(state(ctx), result, frame.co, y.raw(), y.slice(0, 1).bytes());
}

// What output pixels of each parity of row and column see of a 3x3 kernel behind doubled pixels: an even one neighbour
// -1 once and itself twice, an odd one itself twice and neighbour +1 once.
// weight: [co, ci, 3, 3] -> [parity of row, of column, co, 2, 2, ci]
__global__ void fold_weight(const __nv_bfloat16* weight, int64_t co, int64_t ci, __nv_bfloat16* to) {
    const int64_t count = 16 * co * ci;
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += int64_t{gridDim.x} * kThreads) {
        const int64_t c = i % ci, column = i / ci % 2, row = i / (2 * ci) % 2, o = i / (4 * ci) % co;
        const int64_t q = i / (4 * ci * co) % 2, p = i / (8 * ci * co);
        float sum = 0;
        for (int64_t dy = 0; dy < 3; ++dy) {
            for (int64_t dx = 0; dx < 3; ++dx) {
                if ((dy + 1 - p) / 2 == row && (dx + 1 - q) / 2 == column) {
                    sum += to_float(weight[(o * ci + c) * 9 + dy * 3 + dx]);
                }
            }
        }
        to[i] = from_float<__nv_bfloat16>(sum);
    }
}

void upsample_in_place(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, int64_t pad_top,
                       int64_t pad_bottom, Tensor& y) {
    const State& s = state(ctx);
    const int64_t height = x.dim(1), width = x.dim(2), ci = x.dim(3), co = weight.dim(0);
    Tensor folded = empty(ctx, {2, 2, co, 4, ci}, DType::bf16);
    fold_weight<<<blocks_for(s, folded.numel() / kThreads), kThreads, 0, s.stream>>>(in<__nv_bfloat16>(weight), co, ci,
                                                                                     out<__nv_bfloat16>(folded));
    check_launch();
    const Tensor shift = bias ? as_f32(ctx, *bias) : Tensor();
    for (int64_t p = 0; p < 2; ++p) {
        // Without the zero row above, y starts with an odd row of the doubled frame.
        const int64_t first = p == 0 ? 1 - pad_top : 0, last = p == 0 ? height : height - 1 + pad_bottom;
        const int64_t row = 2 * first + p - (1 - pad_top);
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
                                     .y_column = 2 * co};
            const size_t offset = static_cast<size_t>((row * y.dim(2) + q) * co) * sizeof(__nv_bfloat16);
            hopper_conv(ctx, problem, x.raw(), folded.slice(p, p + 1).reshape({2, co * 4 * ci}).slice(q, q + 1).raw(),
                        bias ? shift.raw() : nullptr, nullptr, y.raw() + offset);
        }
    }
}

}  // namespace

void conv3d(Context& ctx, std::span<const Tensor> parts, int64_t pad_front, const Tensor& weight, const Tensor* bias,
            const ops::FrameConv& frame, int64_t stride_t, Tensor& y, int64_t band_elements) {
    State& s = state(ctx);
    const DType dtype = parts.back().dtype();
    require(weight.dtype() == dtype && y.dtype() == dtype, "conv3d: weight of ", weight.dtype(), " for frames of ",
            dtype);
    const Arranged w = arrange(ctx, weight, bias);
    if (ops::convolves_in_place(ctx, dtype, frame, stride_t)) {
        return convolve_in_place(ctx, parts, pad_front, w, frame, y);
    }
    int64_t frames = pad_front;
    for (const Tensor& part : parts) frames += part.dim(0);
    const int64_t ci = w.weight.dim(2), co = w.weight.dim(0);
    const bool pad_w_here = frame.left != frame.right;
    const int64_t columns = frame.w + (pad_w_here ? frame.left + frame.right : 0);
    FusedConv p{.t = frames,
                .h = frame.h,
                .w = columns,
                .ci = ci,
                .co = co,
                .kt = weight.dim(2),
                .kh = frame.kh,
                .kw = frame.kw,
                .stride_t = stride_t,
                .stride_h = frame.stride_h,
                .stride_w = frame.stride_w,
                .pad_w = pad_w_here ? 0 : frame.left,
                .dtype = dtype,
                .bias = bias != nullptr};
    const void* bias_data = bias ? w.bias.raw() : nullptr;
    const int64_t row_elements = columns * ci;

    // One run of frames with equal padding above and below is read in place.
    if (parts.size() == 1 && pad_front == 0 && !pad_w_here && frame.top == frame.bottom && ci == frame.ci &&
        frames * row_elements * frame.h <= band_elements && y.numel() / frame.co * co <= band_elements) {
        p.pad_h = frame.top;
        Tensor result = co == frame.co ? y : empty(ctx, {y.dim(0), y.dim(1), y.dim(2), co}, dtype);
        fused_conv(ctx, p, parts[0].raw(), w.weight.raw(), bias_data, result.raw());
        if (co != frame.co) put(s, result, frame.co, y.raw(), y.slice(0, 1).bytes());
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
                place(s, dtype, part.slice(t, t + 1).raw(),
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
            fused_conv(ctx, p, x.raw(), w.weight.raw(), bias_data, y.raw());
            return;
        }
        Tensor result = empty(ctx, {p.out_t(), rows_out, frame.out_w(), co}, dtype);
        fused_conv(ctx, p, x.raw(), w.weight.raw(), bias_data, result.raw());
        const int64_t row = frame.out_w() * frame.co;
        put(s, result, frame.co, y.raw() + static_cast<size_t>(first * row) * element,
            static_cast<size_t>(out_h * row) * element);
    }
}

void upsample_conv2d(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, int64_t pad_top,
                     int64_t pad_bottom, Tensor& y) {
    State& s = state(ctx);
    const DType dtype = x.dtype();
    require(weight.dtype() == dtype && y.dtype() == dtype, "upsample_conv2d: weight of ", weight.dtype(), " for x of ",
            dtype);
    if (ops::upsamples_in_place(ctx, x, weight)) return upsample_in_place(ctx, x, weight, bias, pad_top, pad_bottom, y);
    const Arranged w = arrange(ctx, weight, bias);
    const int64_t ci = w.weight.dim(2), co = w.weight.dim(0);
    const bool pad_h_there = pad_top == 1 && pad_bottom == 1;  // else zero rows are written out
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
        place(s, dtype, x.slice(t, t + 1).raw(),
              {.rows = x.dim(1),
               .columns = x.dim(2),
               .channels = x.dim(3),
               .first_row = pad_h_there ? 0 : -pad_top,
               .count = rows,
               .left = 0,
               .columns_to = columns,
               .channels_to = ci,
               .zoom = 2},
              doubled.raw());
        Tensor frame = y.slice(t, t + 1);
        Tensor& to = result.defined() ? result : frame;
        fused_conv(ctx, p, doubled.raw(), w.weight.raw(), bias ? w.bias.raw() : nullptr, to.raw());
        if (result.defined()) put(s, result, y.dim(3), frame.raw(), frame.bytes());
    }
}

}  // namespace t3video::cuda
