// Weighted sums in double precision. Bound by memory, as long as the card has double arithmetic: it runs once a step.
#include "cuda/weighted_sum.h"

#include "cuda/kernel.cuh"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256;

struct Terms {
    double coefficient[ops::kMostTerms];
    const float* x[ops::kMostTerms];
    int count;
};

// Products and sums are rounded one by one, as the CPU rounds them: a fused multiply-add would give other bits.
__global__ void weighted_sum_kernel(Terms terms, int64_t count, float* high, float* low) {
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += int64_t{gridDim.x} * kThreads) {
        double value = 0;
        for (int k = 0; k < terms.count; ++k)
            value = __dadd_rn(value, __dmul_rn(terms.coefficient[k], static_cast<double>(terms.x[k][i])));
        high[i] = static_cast<float>(value);
        low[i] = static_cast<float>(value - static_cast<double>(high[i]));
    }
}

}  // namespace

void weighted_sum(Context& ctx, std::span<const ops::Term> terms, ops::Split& sum) {
    const State& s = state(ctx);
    Terms given{};
    for (const ops::Term& term : terms) {
        given.coefficient[given.count] = term.coefficient;
        given.x[given.count++] = in<float>(term.x);
    }
    const int64_t count = sum.high.numel();
    weighted_sum_kernel<<<blocks_for(s, count / kThreads), kThreads, 0, s.stream>>>(given, count, out<float>(sum.high),
                                                                                    out<float>(sum.low));
    check_launch();
}

}  // namespace t3video::cuda
