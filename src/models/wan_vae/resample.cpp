// Resampling layers of the Wan VAEs.
#include "models/wan_vae/resample.h"

#include <array>

#include "ops/conv3d.h"
#include "ops/layout.h"
#include "ops/resample.h"

namespace t3video::models {

Downsample::Downsample(int64_t in, int64_t out, bool with_time)
    : weight(Shape{out, in, 3, 3}, nn::Role::convolution), bias(Shape{out}, nn::Role::conv_bias) {
    if (!with_time) return;
    time_weight.emplace(Shape{out, out, 3, 1, 1}, nn::Role::convolution);
    time_bias.emplace(Shape{out}, nn::Role::conv_bias);
}

Tensor Downsample::space(Context& ctx, const Tensor& x) const {
    const ops::Conv3dOptions options{.stride_h = 2, .stride_w = 2, .pad_bottom = 1, .pad_right = 1};
    return ops::conv3d(ctx, x, weight, &bias.tensor(), options);
}

Tensor Downsample::time(Context& ctx, const Tensor& x, Stream& stream) const {
    if (!time_weight) return x;
    std::vector<Tensor> results;
    Tensor rest = x;
    if (!stream.last.defined()) {
        results.push_back(x.slice(0, 1));
        stream.last = x.slice(0, 1);
        rest = x.slice(1, x.dim(0));
    }
    require(rest.dim(0) % 2 == 0, "downsample: ", rest.dim(0), " frames after the first, expected pairs");
    if (rest.dim(0) > 0) {
        const std::array parts{stream.last, rest};
        results.push_back(ops::conv3d(ctx, parts, *time_weight, &time_bias->tensor(), {.stride_t = 2}));
        stream.last = clone(ctx, rest.slice(rest.dim(0) - 1, rest.dim(0)));
    }
    return results.size() == 1 ? results[0] : ops::concat(ctx, results);
}

Upsample::Upsample(int64_t in, int64_t out, bool with_time)
    : weight(Shape{out, in, 3, 3}, nn::Role::upsampling), bias(Shape{out}, nn::Role::conv_bias) {
    if (with_time) time_conv.emplace(in, 2 * in, std::array<int64_t, 3>{3, 1, 1});
}

Tensor Upsample::forward(Context& ctx, Tensor x, Stream& stream) const {
    if (time_conv) x = double_frames(ctx, x, stream);
    x = stream.rows.continued(ctx, x, 1);
    return ops::upsample_conv2d(ctx, x, weight, &bias.tensor(), stream.rows.band().top ? 1 : 0,
                                stream.rows.band().bottom ? 1 : 0);
}

void Upsample::Stream::start(const nn::BandEdges& band, int64_t frames_out) {
    started = false;
    time.start(band);
    rows.start({band.top, band.bottom, frames_out});
}

Tensor Upsample::double_frames(Context& ctx, const Tensor& x, Stream& stream) const {
    std::vector<Tensor> results;
    Tensor rest = x;
    if (!stream.started) {
        stream.started = true;
        results.push_back(x.slice(0, 1));
        rest = x.slice(1, x.dim(0));
    }
    if (rest.dim(0) > 0) {
        const Tensor pairs = time_conv->forward(ctx, rest, &stream.time);
        results.push_back(ops::channels_to_time(ctx, pairs, 2));
    }
    return results.size() == 1 ? results[0] : ops::concat(ctx, results);
}

}  // namespace t3video::models
