// 3D convolution: shapes and dispatch.
#include "ops/conv3d.h"

#include <vector>

#include "cpu/conv3d.h"
#include "cuda/conv3d.h"
#include "cuda/conv_scratch.h"
#include "ops/dispatch.h"
#include "tensor/frame_rows.h"
#include "tensor/repeat.h"

namespace t3video::ops {
namespace {

void check_operands(const char* op, const Tensor& x, const Shape& weight, const Tensor* bias) {
    require(x.rank() == 4, op, ": x ", x.shape(), ", expected [frames, rows, columns, channels]");
    require((weight.rank() == 4 || weight.rank() == 5) && weight[1] == x.dim(3), op, ": weight ", weight, " for x ",
            x.shape());
    require(!bias || bias->numel() >= weight[0], op, ": bias ", bias ? bias->shape() : Shape(), " for weight ", weight);
}

// The bias as the device's convolutions read it.
Tensor bias_for(Context& ctx, const Tensor* bias) {
    return bias ? prepare(ctx, *bias, Role::conv_bias).blobs[0] : Tensor();
}

// Whether the GPU's kernel takes frames, and what is added to the result, where they lie.
bool reads_frames_in_place(const Context& ctx, const FrameConv& frame, int64_t stride_t, DType type) {
    return ctx.target() != Device::cpu && cuda::convolves_in_place(ctx.traits(), type, frame, stride_t);
}

// A convolution of frames that come in parts: checked, and what it is within one frame.
class Problem {
  public:
    Problem(std::span<const Tensor> parts, const Shape& weight, const Tensor* bias, const Conv3dOptions& options) {
        require(!parts.empty(), "conv3d: no frames");
        const Tensor& x = parts.back();
        count_ = options.pad_front;
        for (const Tensor& part : parts) {
            check_operands("conv3d", part, weight, bias);
            require(part.dim(1) == x.dim(1) && part.dim(2) == x.dim(2) && part.dtype() == x.dtype(), "conv3d: frames ",
                    part.shape(), " of ", part.dtype(), " before ", x.shape(), " of ", x.dtype());
            count_ += part.dim(0);
        }
        kt_ = weight.rank() == 5 ? weight[2] : 1;
        stride_t_ = options.stride_t;
        frame = {.h = x.dim(1),
                 .w = x.dim(2),
                 .ci = x.dim(3),
                 .co = weight[0],
                 .kh = weight.dim(-2),
                 .kw = weight.dim(-1),
                 .stride_h = options.stride_h,
                 .stride_w = options.stride_w,
                 .top = options.pad_top,
                 .bottom = options.pad_bottom,
                 .left = options.pad_left,
                 .right = options.pad_right};
        require(options.pad_front < kt_ && count_ >= kt_ && options.stride_t >= 1 && options.stride_h >= 1 &&
                    options.stride_w >= 1 && frame.out_h() >= 1 && frame.out_w() >= 1,
                "conv3d: weight ", weight, " for ", count_, " frames of ", x.shape());
    }

    Shape result() const { return {(count_ - kt_) / stride_t_ + 1, frame.out_h(), frame.out_w(), frame.co}; }

    int64_t frames_in() const { return count_; }  // with those in front

    FrameConv frame{};

  private:
    int64_t count_ = 0, kt_ = 0, stride_t_ = 0;
};

void check_residual(const Conv3dOptions& options, const Tensor& y) {
    if (!options.residual) return require(!options.residual_above, "conv3d: no residual below the rows above");
    const Tensor &x = *options.residual, *above = options.residual_above;
    const int64_t rows = above ? above->dim(1) : 0;
    const auto fits = [&](const Tensor& part, int64_t least) {
        return part.rank() == 4 && part.dim(0) == y.dim(0) && part.dim(1) >= least && part.dim(2) == y.dim(2) &&
               part.dim(3) == y.dim(3) && part.dtype() == y.dtype();
    };
    require(fits(x, y.dim(1) - rows) && (!above || (fits(*above, 0) && rows <= y.dim(1))), "conv3d: residual ",
            x.shape(), above ? concat(" below ", above->shape()) : "", " for a result ", y.shape());
}

// Puts the residual's rows where those of the result are to be.
void lay_out_residual(Context& ctx, const Conv3dOptions& options, const Tensor& y) {
    const int64_t above = options.residual_above ? options.residual_above->dim(1) : 0, height = y.dim(1);
    repeat(ctx, y.dim(0), [&](int64_t t) {
        const auto rows = [t](const Tensor& x, int64_t first, int64_t last) {
            return frame_rows(x.slice(t, t + 1), first, last);
        };
        if (above > 0) {
            Tensor first = rows(y, 0, above);
            copy_into(ctx, first, rows(*options.residual_above, 0, above));
        }
        Tensor rest = rows(y, above, height);
        copy_into(ctx, rest, rows(*options.residual, 0, height - above));
    });
}

void run(Context& ctx, std::span<const Tensor> parts, const Weight& weight, const Tensor* bias,
         const Conv3dOptions& options, const Problem& problem, Tensor& y) {
    const FrameConv& frame = problem.frame;
    const Tensor& x = parts.back();
    require(y.shape() == problem.result() && y.dtype() == x.dtype(), "conv3d: result ", y.shape(), " of ", y.dtype(),
            ", expected ", problem.result(), " of ", x.dtype());
    check_residual(options, y);
    ConvEnd end{.residual = options.residual, .residual_above = options.residual_above, .relu = options.relu};
    const bool as_result = !end.residual || (!end.residual_above && end.residual->shape() == y.shape());
    if (!as_result && (frame.co % 8 != 0 || !reads_frames_in_place(ctx, frame, options.stride_t, x.dtype()))) {
        lay_out_residual(ctx, options, y);
        end.residual = &y;
        end.residual_above = nullptr;
    }
    const Prepared taps = weight.prepared(ctx, Role::convolution, &frame);
    const Tensor shift = bias_for(ctx, bias);
    if (bias) end.bias = &shift;
    const auto on_cpu = [&] {
        std::vector<const float*> frames(static_cast<size_t>(options.pad_front), nullptr);
        for (const Tensor& part : parts) {
            for (int64_t t = 0; t < part.dim(0); ++t) frames.push_back(part.slice(t, t + 1).data<float>());
        }
        cpu::conv3d(ctx, frames, taps, end, frame, options.stride_t, y);
    };
    dispatch(
        ctx, {.convolution = 2.0 * double(y.numel()) * double(weight.shape().numel() / frame.co)}, on_cpu,
        [&] { cuda::conv3d(ctx, parts, options.pad_front, taps.blobs[0], end, frame, options.stride_t, y); },
        ctx.target() == Device::cpu
            ? Scratch{}
            : cuda::conv_scratch(ctx.traits(), problem.frames_in() - options.pad_front, parts.size(), options.pad_front,
                                 frame, options.stride_t, y, end.residual));
}

}  // namespace

Tensor conv3d(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, const Conv3dOptions& options) {
    return conv3d(ctx, std::span(&x, 1), weight, bias, options);
}

void conv3d_into(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, const Conv3dOptions& options,
                 Tensor& y) {
    const std::span parts(&x, 1);
    run(ctx, parts, weight, bias, options, Problem(parts, weight.shape(), bias, options), y);
}

Tensor conv3d(Context& ctx, std::span<const Tensor> parts, const Weight& weight, const Tensor* bias,
              const Conv3dOptions& options) {
    const Problem problem(parts, weight.shape(), bias, options);
    Tensor y = empty(ctx, problem.result(), parts.back().dtype());
    run(ctx, parts, weight, bias, options, problem, y);
    return y;
}

bool reads_joined_frames(const Context& ctx) {
    return ctx.target() != Device::cpu && !reads_frames_in_place(ctx, {.kh = 1, .kw = 1}, 1, ctx.compute_type());
}

namespace {

void upsample(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, bool relu, UpsamplePadding pad,
              Tensor& y) {
    const FrameConv phase{
        .h = x.dim(1), .w = x.dim(2), .ci = x.dim(3), .co = y.dim(3), .kh = 2, .kw = 2, .top = pad.top, .left = 1};
    const Prepared kernel = weight.prepared(ctx, Role::upsampling, &phase);
    const Tensor shift = bias_for(ctx, bias);
    const ConvEnd end{.bias = bias ? &shift : nullptr, .relu = relu};
    dispatch(
        ctx, {.convolution = 18.0 * double(y.numel()) * double(x.dim(3))},
        [&] { cpu::upsample_conv2d(ctx, x, kernel, end, pad, y); },
        [&] { cuda::upsample_conv2d(ctx, x, kernel, end, pad, y); },
        ctx.target() == Device::cpu ? cpu::upsample_scratch(x, y.dim(3)) : cuda::upsample_scratch(ctx.traits(), x, y));
}

// The shape of the result.
Shape upsampled(const Tensor& x, const Shape& w, const Tensor* bias, UpsamplePadding pad) {
    check_operands("upsample_conv2d", x, w, bias);
    require(w.rank() == 4 && w[2] == 3 && w[3] == 3, "upsample_conv2d: weight ", w);
    const int64_t rows = 2 * x.dim(1) - 2 + pad.top + pad.bottom;
    require((pad.top | 1) == 1 && (pad.bottom | 1) == 1 && rows >= 1, "upsample_conv2d: ", pad.top, " and ", pad.bottom,
            " zero rows around ", x.shape());
    return {x.dim(0), rows, 2 * x.dim(2), w[0]};
}

}  // namespace

Tensor upsample_conv2d(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, int64_t pad_top,
                       int64_t pad_bottom) {
    const UpsamplePadding pad{pad_top, pad_bottom};
    Tensor y = empty(ctx, upsampled(x, weight.shape(), bias, pad), x.dtype());
    upsample(ctx, x, weight, bias, false, pad, y);
    return y;
}

void upsample_conv2d_into(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, bool relu,
                          Tensor& y) {
    const Shape shape = upsampled(x, weight.shape(), bias, {});
    require(y.shape() == shape && y.dtype() == x.dtype(), "upsample_conv2d: result ", y.shape(), " of ", y.dtype(),
            ", expected ", shape, " of ", x.dtype());
    upsample(ctx, x, weight, bias, relu, {}, y);
}

}  // namespace t3video::ops
