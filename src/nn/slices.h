// Token-wise work in slices: the widest tensors of a model exist for some tokens at a time.
#pragma once

#include <algorithm>

#include "tensor/repeat.h"
#include "tensor/tensor.h"

namespace t3video::nn {

// Rows that one matrix product takes: enough of them that slicing costs it nothing (multiples of 16896 fill the 132
// multiprocessors of an H200 evenly at every width of the models; 8192 do on a CPU, whose caches are smaller).
inline int64_t slice_rows(const Context& ctx) {
    return ctx.target() == Device::cpu ? 8192 : 33792;
}

// Calls f(first, last) on consecutive runs of `rows` rows, of which f leaves nothing of its own behind.
template <class F>
void for_slices(Context& ctx, int64_t rows, F&& f) {
    const int64_t step = slice_rows(ctx);
    repeat(ctx, (rows + step - 1) / step, [&](int64_t i) { f(i * step, std::min((i + 1) * step, rows)); });
}

}  // namespace t3video::nn
