// Stored values in parts, as f32.
#pragma once

#include "tensor/stored.h"

namespace t3video::checkpoint {

// Elements [first, first + count), in row-major order, of floats in host memory or encoded; groups of an encoding must
// not be cut. Threads may call it at once.
inline void read_values(const Stored& stored, int64_t first, int64_t count, float* values) {
    if (stored.encoding()) return stored.encoding()->decode(first, count, values);
    const Tensor& x = stored.numbers();
    visit_float(x.dtype(), [&]<class T>() {
        const T* const p = x.data<T>() + first;
        for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(p[i]);
    });
}

}  // namespace t3video::checkpoint
