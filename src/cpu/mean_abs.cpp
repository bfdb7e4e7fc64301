// Sums of magnitudes on the CPU. Bound by memory.
#include "cpu/mean_abs.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace t3video::cpu {

double sum_abs(Context& ctx, const Tensor& x, const Tensor* y) {
    constexpr int64_t kChunk = int64_t{1} << 14;  // elements with a sum of their own: the bits do not depend on threads
    const float *px = x.data<float>(), *py = y ? y->data<float>() : nullptr;
    std::vector<double> sums(static_cast<size_t>((x.numel() + kChunk - 1) / kChunk));
    ctx.parallel_for(static_cast<int64_t>(sums.size()), 1, [&](int64_t first, int64_t last) {
        for (int64_t chunk = first; chunk < last; ++chunk) {
            const int64_t end = std::min((chunk + 1) * kChunk, x.numel());
            double sum = 0;
            for (int64_t i = chunk * kChunk; i < end; ++i) sum += std::abs(py ? px[i] - py[i] : px[i]);
            sums[static_cast<size_t>(chunk)] = sum;
        }
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace t3video::cpu
