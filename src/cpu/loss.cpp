// Losses on the CPU. Bound by memory.
#include "cpu/loss.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace t3video::cpu {

std::vector<double> squared_errors(Context& ctx, const Tensor& prediction, const Tensor& target,
                                   std::span<const ops::ErrorSlope> slopes, Tensor& gradient) {
    const int64_t frames = prediction.dim(2), planes_of_one = prediction.dim(1) * frames,
                  planes = prediction.dim(0) * planes_of_one, plane = prediction.numel() / planes;
    const float *pp = prediction.data<float>(), *pt = target.data<float>();
    float* pg = gradient.data<float>();
    std::vector<double> sums(static_cast<size_t>(planes));  // of each plane, so that the bits do not depend on threads
    ctx.parallel_for(planes, 1, [&](int64_t first, int64_t last) {
        for (int64_t p = first; p < last; ++p) {
            const auto& [first_frame, slope] = slopes[static_cast<size_t>(p / planes_of_one)];
            float* g = pg + p * plane;
            if (p % frames < first_frame) {
                std::fill_n(g, plane, 0.0f);
                continue;
            }
            double sum = 0;
            for (int64_t i = 0; i < plane; ++i) {
                const float difference = pp[p * plane + i] - pt[p * plane + i];
                g[i] = slope * difference;
                sum += static_cast<double>(difference) * difference;
            }
            sums[static_cast<size_t>(p)] = sum;
        }
    });
    std::vector<double> totals;
    for (auto sum = sums.begin(); sum != sums.end(); sum += planes_of_one)
        totals.push_back(std::accumulate(sum, sum + planes_of_one, 0.0));
    return totals;
}

}  // namespace t3video::cpu
