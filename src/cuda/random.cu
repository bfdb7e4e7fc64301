// Each value comes from its index. Bound by the arithmetic of logarithm and cosine; it runs only before measurements.
#include "cuda/random.h"

#include "core/hash_normal.h"
#include "cuda/kernel.cuh"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void fill(uint64_t seed, float mean, float deviation, int64_t count, T* y) {
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += int64_t{gridDim.x} * kThreads)
        y[i] = from_float<T>(mean + deviation * hash_normal(seed, static_cast<uint64_t>(i)));
}

}  // namespace

void random_normal(Context& ctx, uint64_t seed, float mean, float deviation, Tensor& y) {
    State& s = state(ctx);
    visit(y.dtype(), [&]<class T>() {
        fill<<<blocks_for(s, y.numel() / kThreads), kThreads, 0, s.stream>>>(seed, mean, deviation, y.numel(),
                                                                             out<T>(y));
    });
    check_launch();
}

}  // namespace t3video::cuda
