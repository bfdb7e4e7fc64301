// Decoded values as 8-bit levels. Bound by memory: x read once, y written once.
#include "cuda/levels.h"

#include "core/levels.h"
#include "cuda/map.cuh"

namespace t3video::cuda {
namespace {

struct Level {
    __device__ float operator()(float x) const { return to_level(x); }
};

}  // namespace

void to_levels(Context& ctx, const Tensor& x, Tensor& y) {
    visit(x.dtype(), [&]<class X>() { map(state(ctx), Level(), x.numel(), out<uint8_t>(y), in<X>(x)); });
}

}  // namespace t3video::cuda
