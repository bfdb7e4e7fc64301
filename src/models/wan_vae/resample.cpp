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

Tensor Downsample::time(Context& ctx, const Tensor& x, History& history) const {
    if (!time_weight) return x;
    std::vector<Tensor> results;
    Tensor rest = x;
    if (!history.last.defined()) {
        results.push_back(x.slice(0, 1));
        history.last = x.slice(0, 1);
        rest = x.slice(1, x.dim(0));
    }
    require(rest.dim(0) % 2 == 0, "downsample: ", rest.dim(0), " frames after the first, expected pairs");
    if (rest.dim(0) > 0) {
        const std::array parts{history.last, rest};
        results.push_back(ops::conv3d(ctx, parts, *time_weight, &time_bias->tensor(), {.stride_t = 2}));
        history.last = clone(ctx, rest.slice(rest.dim(0) - 1, rest.dim(0)));
    }
    return results.size() == 1 ? results[0] : ops::concat(ctx, results);
}

Upsample::Upsample(int64_t in, int64_t out, bool with_time)
    : weight(Shape{out, in, 3, 3}, nn::Role::upsampling), bias(Shape{out}, nn::Role::conv_bias) {
    if (with_time) time_conv.emplace(in, 2 * in, std::array<int64_t, 3>{3, 1, 1});
}

nn::BandEdges Upsample::start(nn::BandEdges band, History& history) const {
    history.started = false;
    if (time_conv) {
        time_conv->start(band, history.time);
        band.frames = 2 * band.frames - 1;
    }
    history.rows.start(band, halo().rows_above());
    return band;
}

Tensor Upsample::forward(Context& ctx, Tensor x, History& history) const {
    if (time_conv) x = double_frames(ctx, x, history);
    x = history.rows.extend(ctx, x);
    const nn::BandEdges& band = history.rows.band();
    const int64_t reach = halo().reach;
    return ops::upsample_conv2d(ctx, x, weight, &bias.tensor(), band.top ? reach : 0, band.bottom ? reach : 0);
}

Tensor Upsample::double_frames(Context& ctx, const Tensor& x, History& history) const {
    std::vector<Tensor> results;
    Tensor rest = x;
    if (!history.started) {
        history.started = true;
        results.push_back(x.slice(0, 1));
        rest = x.slice(1, x.dim(0));
    }
    if (rest.dim(0) > 0) {
        const Tensor pairs = time_conv->forward(ctx, rest, &history.time);
        results.push_back(ops::channels_to_time(ctx, pairs, 2));
    }
    return results.size() == 1 ? results[0] : ops::concat(ctx, results);
}

}  // namespace t3video::models
