// Token-wise work in slices: the widest tensors of a model exist for some tokens at a time.
#pragma once

#include <algorithm>

#include "tensor/tensor.h"

namespace t3video::nn {

// Rows that one matrix product takes: enough of them that slicing costs it nothing (multiples of 16896 fill the 132
// multiprocessors of an H200 evenly at every width of the models; 8192 do on a CPU, whose caches are smaller).
inline int64_t slice_rows(const Context& ctx) {
    return ctx.target() == Device::cpu ? 8192 : 33792;
}

// Calls f(first, last) on consecutive runs of `rows` rows.
template <class F>
void for_slices(const Context& ctx, int64_t rows, F&& f) {
    const int64_t step = slice_rows(ctx);
    for (int64_t first = 0; first < rows; first += step) f(first, std::min(first + step, rows));
}

}  // namespace t3video::nn
