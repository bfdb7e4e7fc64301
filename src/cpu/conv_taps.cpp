// Kernels of single frames out of weights.
#include "cpu/conv_taps.h"

#include <algorithm>
#include <array>

#include "cpu/convert.h"

namespace t3video::cpu {

Tensor tap_of(Context& ctx, const Tensor& weight, int64_t k) {
    const int64_t co = weight.dim(0), ci = weight.dim(1), kt = weight.dim(2), area = weight.dim(3) * weight.dim(4);
    if (kt == 1) return as_f32(ctx, weight);
    Tensor tap = empty(ctx, {co, ci, weight.dim(3), weight.dim(4)});
    float* target = tap.data<float>();
    visit_float(weight.dtype(), [&]<class T>() {
        const T* source = weight.data<T>() + k * area;
        ctx.parallel_for(co * ci, 1024, [&](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; ++i) {
                const T* from = source + i * kt * area;
                for (int64_t j = 0; j < area; ++j) target[i * area + j] = static_cast<float>(from[j]);
            }
        });
    });
    return tap;
}

Tensor phase_kernel(Context& ctx, const Tensor& weight, int64_t p, int64_t q) {
    const int64_t planes = weight.dim(0) * weight.dim(1);
    Tensor folded = empty(ctx, {weight.dim(0), weight.dim(1), 1, 2, 2});
    float* target = folded.data<float>();
    const std::array<int64_t, 3> row{0, 1 - p, 1}, column{0, 1 - q, 1};  // of the small kernel, for each of the large
    visit_float(weight.dtype(), [&]<class T>() {
        const T* source = weight.data<T>();
        ctx.parallel_for(planes, 1024, [&](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; ++i) {
                float* to = target + i * 4;
                std::fill_n(to, 4, 0.0f);
                for (size_t y = 0; y < 3; ++y) {
                    for (size_t x = 0; x < 3; ++x) {
                        to[row[y] * 2 + column[x]] +=
                            static_cast<float>(source[i * 9 + static_cast<int64_t>(y * 3 + x)]);
                    }
                }
            }
        });
    });
    return folded;
}

}  // namespace t3video::cpu
