// Element type conversion. Bound by memory: x read once, y written once.
#include "cuda/convert.h"

#include "cuda/map.cuh"

namespace t3video::cuda {
namespace {

struct Same {
    __device__ float operator()(float x) const { return x; }
};

// f<T>() with T = float, __nv_bfloat16 or __half.
template <class F>
void visit_any_float(DType dtype, F&& f) {
    if (dtype == DType::f16) return f.template operator()<__half>();
    visit(dtype, f);
}

}  // namespace

void convert(Context& ctx, const Tensor& x, Tensor& y) {
    const State& s = state(ctx);
    visit_any_float(x.dtype(), [&]<class X>() {
        visit_any_float(y.dtype(), [&]<class Y>() { map(s, Same(), y.numel(), out<Y>(y), in<X>(x)); });
    });
}

Tensor as_f32(Context& ctx, const Tensor& x) {
    if (x.dtype() == DType::f32) return x;
    Tensor y = empty(ctx, x.shape());
    convert(ctx, x, y);
    return y;
}

}  // namespace t3video::cuda
