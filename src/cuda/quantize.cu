// Decoded values as 8-bit code values. Bound by memory: x read once, y written once.
#include "cuda/quantize.h"

#include "core/quantize.h"
#include "cuda/map.cuh"

namespace t3video::cuda {
namespace {

struct QuantizeU8 {
    __device__ float operator()(float x) const { return t3video::quantize_u8(x); }
};

}  // namespace

void quantize_u8(Context& ctx, const Tensor& x, Tensor& y) {
    visit(x.dtype(), [&]<class X>() { map(state(ctx), QuantizeU8(), x.numel(), out<uint8_t>(y), in<X>(x)); });
}

}  // namespace t3video::cuda
