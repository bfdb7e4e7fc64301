// Weighted sums in double precision. Bound by memory: one pass, threads over contiguous pieces.
#include "cpu/weighted_sum.h"

namespace t3video::cpu {

void weighted_sum(Context& ctx, std::span<const ops::Term> terms, ops::Split& sum) {
    constexpr int64_t kGrain = 1 << 14;  // elements per piece
    float *high = sum.high.data<float>(), *low = sum.low.data<float>();
    ctx.parallel_for(sum.high.numel(), kGrain, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            double value = 0;
            for (const ops::Term& term : terms)
                value += term.coefficient * static_cast<double>(term.x.data<float>()[i]);
            high[i] = static_cast<float>(value);
            low[i] = static_cast<float>(value - static_cast<double>(high[i]));
        }
    });
}

}  // namespace t3video::cpu
