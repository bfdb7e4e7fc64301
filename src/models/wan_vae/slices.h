// A video in runs of frames: as few as memory asks for, as many as make a layer's call worth while.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "tensor/repeat.h"
#include "tensor/tensor.h"

namespace t3video::models {

// Frames of height x width pixels, so many doublings of the latent's resolution, that one call processes. Weights that
// are not prepared are rearranged in every call: on the CPU that costs as much as convolving about 100 pixels, 1 % of
// 8192. On a GPU a call should fill the card, and above the latent it also copies the two frames that the layer
// remembers: four at a time bear that.
inline int64_t frames_per_call(Device device, int64_t height, int64_t width, size_t doublings) {
    if (device != Device::cpu && doublings > 0) return std::max<int64_t>(4, (1 << 18) / (height * width));
    return std::max<int64_t>(1, (device == Device::cpu ? 8192 : 65536) / (height * width));
}

// Calls f(frames) on consecutive runs of x [T, H, W, C]. What f leaves in memory of one is replaced with the next.
template <class F>
void for_slices(Context& ctx, size_t doublings, Tensor x, F&& f) {
    const int64_t step = frames_per_call(ctx.target(), x.dim(1), x.dim(2), doublings), count = x.dim(0);
    if (count <= step) return f(std::move(x));
    repeat(ctx, (count + step - 1) / step, [&](int64_t i) { f(x.slice(i * step, std::min((i + 1) * step, count))); });
}

// The results of f on consecutive runs, joined: as many frames as x has.
template <class F>
Tensor map_slices(Context& ctx, size_t doublings, Tensor x, F&& f) {
    const int64_t count = x.dim(0);
    Tensor joined;
    int64_t first = 0;
    for_slices(ctx, doublings, std::move(x), [&](Tensor part) {
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
