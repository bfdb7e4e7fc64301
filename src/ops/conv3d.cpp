// 3D convolution: shapes and dispatch.
#include "ops/conv3d.h"

#include <vector>

#include "cpu/conv3d.h"
#include "cuda/conv3d.h"
#include "cuda/conv_scratch.h"
#include "ops/dispatch.h"

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

}  // namespace

Tensor conv3d(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, const Conv3dOptions& options) {
    return conv3d(ctx, std::span(&x, 1), weight, bias, options);
}

Tensor conv3d(Context& ctx, std::span<const Tensor> parts, const Weight& weight, const Tensor* bias,
              const Conv3dOptions& options) {
    require(!parts.empty(), "conv3d: no frames");
    const Tensor& x = parts.back();
    int64_t count = options.pad_front;
    for (const Tensor& part : parts) {
        check_operands("conv3d", part, weight.shape(), bias);
        require(part.dim(1) == x.dim(1) && part.dim(2) == x.dim(2) && part.dtype() == x.dtype(), "conv3d: frames ",
                part.shape(), " of ", part.dtype(), " before ", x.shape(), " of ", x.dtype());
        count += part.dim(0);
    }
    const Shape& w = weight.shape();
    const int64_t kt = w.rank() == 5 ? w[2] : 1;
    const FrameConv frame{.h = x.dim(1),
                          .w = x.dim(2),
                          .ci = x.dim(3),
                          .co = w[0],
                          .kh = w.dim(-2),
                          .kw = w.dim(-1),
                          .stride_h = options.stride_h,
                          .stride_w = options.stride_w,
                          .top = options.pad_top,
                          .bottom = options.pad_bottom,
                          .left = options.pad_left,
                          .right = options.pad_right};
    require(options.pad_front < kt && count >= kt && options.stride_t >= 1 && options.stride_h >= 1 &&
                options.stride_w >= 1 && frame.out_h() >= 1 && frame.out_w() >= 1,
            "conv3d: weight ", w, " for ", count, " frames of ", x.shape());
    Tensor y = empty(ctx, {(count - kt) / options.stride_t + 1, frame.out_h(), frame.out_w(), frame.co}, x.dtype());
    const Prepared taps = weight.prepared(ctx, Role::convolution, &frame);
    const Tensor shift = bias_for(ctx, bias);
    const Tensor* const shift_or_null = bias ? &shift : nullptr;
    const auto on_cpu = [&] {
        std::vector<const float*> frames(static_cast<size_t>(options.pad_front), nullptr);
        for (const Tensor& part : parts) {
            for (int64_t t = 0; t < part.dim(0); ++t) frames.push_back(part.slice(t, t + 1).data<float>());
        }
        cpu::conv3d(ctx, frames, taps, shift_or_null, frame, options.stride_t, y);
    };
    dispatch(
        ctx, {.convolution = 2.0 * double(y.numel()) * double(w.numel() / w[0])}, on_cpu,
        [&] { cuda::conv3d(ctx, parts, options.pad_front, taps.blobs[0], shift_or_null, frame, options.stride_t, y); },
        ctx.target() == Device::cpu ? Scratch{}
                                    : cuda::conv_scratch(ctx.traits(), count - options.pad_front, parts.size() == 1,
                                                         options.pad_front, frame, options.stride_t, y));
    return y;
}

bool reads_joined_frames(const Context& ctx) {
    return ctx.target() != Device::cpu;
}

Tensor upsample_conv2d(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, int64_t pad_top,
                       int64_t pad_bottom) {
    const Shape& w = weight.shape();
    check_operands("upsample_conv2d", x, w, bias);
    require(w.rank() == 4 && w[2] == 3 && w[3] == 3, "upsample_conv2d: weight ", w);
    const int64_t rows = 2 * x.dim(1) - 2 + pad_top + pad_bottom;
    require((pad_top | 1) == 1 && (pad_bottom | 1) == 1 && rows >= 1, "upsample_conv2d: ", pad_top, " and ", pad_bottom,
            " zero rows around ", x.shape());
    Tensor y = empty(ctx, {x.dim(0), rows, 2 * x.dim(2), w[0]}, x.dtype());
    const FrameConv phase{
        .h = x.dim(1), .w = x.dim(2), .ci = x.dim(3), .co = w[0], .kh = 2, .kw = 2, .top = pad_top, .left = 1};
    const Prepared kernel = weight.prepared(ctx, Role::upsampling, &phase);
    const Tensor shift = bias_for(ctx, bias);
    const Tensor* const shift_or_null = bias ? &shift : nullptr;
    dispatch(
        ctx, {.convolution = 18.0 * double(y.numel()) * double(x.dim(3))},
        [&] { cpu::upsample_conv2d(ctx, x, kernel, shift_or_null, pad_top, pad_bottom, y); },
        [&] { cuda::upsample_conv2d(ctx, x, kernel, shift_or_null, pad_top, pad_bottom, y); },
        ctx.target() == Device::cpu ? cpu::upsample_scratch(x, w[0]) : cuda::upsample_scratch(ctx.traits(), x, y));
    return y;
}

}  // namespace t3video::ops
