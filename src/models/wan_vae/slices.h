// A video in runs of frames: as few as memory asks for, as many as make a layer's call worth while.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "ops/layout.h"
#include "tensor/repeat.h"

namespace t3video::models {

// Frames of height x width pixels that one call takes, `level` doublings above the latent. Weights
// that are not prepared are rearranged in every call: on the CPU that costs as much as convolving about 100 pixels, 1 %
// of 8192. On a GPU a call
// should fill the card, and above the latent it also copies the two frames that the layer remembers: four at a time
// bear that.
inline int64_t frames_per_call(Device device, int64_t height, int64_t width, size_t level) {
    if (device != Device::cpu && level > 0) return std::max<int64_t>(4, (1 << 18) / (height * width));
    return std::max<int64_t>(1, (device == Device::cpu ? 8192 : 65536) / (height * width));
}

// Calls f(frames) on consecutive runs of x [T, H, W, C]. What f keeps of one is replaced with the next.
template <class F>
void for_slices(Context& ctx, size_t level, Tensor x, F&& f) {
    const int64_t step = frames_per_call(ctx.target(), x.dim(1), x.dim(2), level), count = x.dim(0);
    if (count <= step) return f(std::move(x));
    repeat(ctx, (count + step - 1) / step, [&](int64_t i) { f(x.slice(i * step, std::min((i + 1) * step, count))); });
}

// Rows [first, last) of every frame of x [T, H, W, C]: a view where these are all, or of a single frame.
inline Tensor rows_of(Context& ctx, const Tensor& x, int64_t first, int64_t last) {
    if (first == 0 && last == x.dim(1)) return x;
    const int64_t row = x.dim(2) * x.dim(3);
    std::vector<Tensor> frames;
    for (int64_t t = 0; t < x.dim(0); ++t) {
        frames.push_back(x.slice(t, t + 1).reshape({x.dim(1), row}).slice(first, last));
    }
    return (frames.size() == 1 ? frames[0] : ops::concat(ctx, frames))
        .reshape({x.dim(0), last - first, x.dim(2), x.dim(3)});
}

// The results of f on consecutive runs, joined: as many frames as x has.
template <class F>
Tensor map_slices(Context& ctx, size_t level, Tensor x, F&& f) {
    const int64_t count = x.dim(0);
    Tensor joined;
    int64_t first = 0;
    for_slices(ctx, level, std::move(x), [&](Tensor part) {
        const Tensor y = f(std::move(part));
        if (y.dim(0) == count) {
            joined = y;
            return;
        }
        if (!joined.defined()) joined = empty(ctx, {count, y.dim(1), y.dim(2), y.dim(3)}, y.dtype());
        Tensor place = joined.slice(first, first + y.dim(0));
        copy_into(ctx, place, y);
        first += y.dim(0);
    });
    return joined;
}

}  // namespace t3video::models
