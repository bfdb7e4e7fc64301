// Losses on the CPU. Bound by memory.
#include "cpu/loss.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace t3video::cpu {

double squared_error(Context& ctx, const Tensor& prediction, const Tensor& target, int64_t first_frame, float slope,
                     Tensor& gradient) {
    const int64_t frames = prediction.dim(1), planes = prediction.dim(0) * frames, plane = prediction.numel() / planes;
    const float *pp = prediction.data<float>(), *pt = target.data<float>();
    float* pg = gradient.data<float>();
    std::vector<double> sums(static_cast<size_t>(planes));  // of each plane, so that the bits do not depend on threads
    ctx.parallel_for(planes, 1, [&](int64_t first, int64_t last) {
        for (int64_t p = first; p < last; ++p) {
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
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace t3video::cpu
