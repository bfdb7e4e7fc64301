// Element by element arithmetic. Bound by memory: every operand is read once, the result written once.
#include "cuda/elementwise.h"

#include "cuda/map.cuh"

namespace t3video::cuda {
namespace {

struct Mul {
    __device__ float operator()(float a, float b) const { return a * b; }
};
struct Axpby {
    float alpha, beta;
    __device__ float operator()(float a, float b) const { return fmaf(alpha, a, beta * b); }
};
struct Silu {
    __device__ float operator()(float x) const { return silu_of(x); }
};
struct GeluTanh {
    __device__ float operator()(float x) const { return gelu_tanh_of(x); }
};

// y = x + gate * h by rows of `packs` packs. A thread keeps its columns of both gates and walks down the rows.
template <int N, class X, class H, class Y>
__global__ void gated_add_rows(const X* x, const float* gate, const H* h, Y* y, int64_t rows, int64_t packs,
                               int64_t boundary, int64_t last_set) {
    const int64_t column = first_column();
    if (column >= packs) return;
    const Pack<float, N> early = load<N>(gate + column * N), late = load<N>(gate + last_set + column * N);
    for (int64_t row = first_row(); row < rows; row += row_step()) {
        const int64_t at = (row * packs + column) * N;
        const Pack<X, N> a = load<N>(x + at);
        const Pack<H, N> b = load<N>(h + at);
        Pack<Y, N> result;
#pragma unroll
        for (int j = 0; j < N; ++j) {
            const float g = row < boundary ? early.value[j] : late.value[j];
            result.value[j] = from_float<Y>(fmaf(g, to_float(b.value[j]), to_float(a.value[j])));
        }
        store(y + at, result);
    }
}

// y = x * scale + shift
template <int N, class X, class Y>
__global__ void affine_rows(const X* x, const float* scale, const float* shift, Y* y, int64_t rows, int64_t packs) {
    const int64_t column = first_column();
    if (column >= packs) return;
    const Pack<float, N> a = load<N>(scale + column * N), b = load<N>(shift + column * N);
    for (int64_t row = first_row(); row < rows; row += row_step()) {
        const int64_t at = (row * packs + column) * N;
        const Pack<X, N> v = load<N>(x + at);
        Pack<Y, N> result;
#pragma unroll
        for (int j = 0; j < N; ++j) {
            result.value[j] = from_float<Y>(fmaf(to_float(v.value[j]), a.value[j], b.value[j]));
        }
        store(y + at, result);
    }
}

template <class F>
void map_one(Context& ctx, F f, const Tensor& x, Tensor& y) {
    visit(x.dtype(),
          [&]<class X>() { visit(y.dtype(), [&]<class Y>() { map(state(ctx), f, y.numel(), out<Y>(y), in<X>(x)); }); });
}

template <class F>
void map_two(Context& ctx, F f, const Tensor& a, const Tensor& b, Tensor& y) {
    visit(a.dtype(), [&]<class A>() {
        visit(b.dtype(), [&]<class B>() {
            visit(y.dtype(), [&]<class Y>() { map(state(ctx), f, y.numel(), out<Y>(y), in<A>(a), in<B>(b)); });
        });
    });
}

// Launches launch<N>(how): N = 1 where 16-byte accesses would not stay inside a row or not be aligned.
template <int N, class F, class... T>
void launch_rows(const State& s, int64_t rows, int64_t width, F&& launch, const T*... operands) {
    if (width % N == 0 && aligned(operands...)) {
        launch.template operator()<N>(over_rows(s, rows, width / N));
    } else {
        launch.template operator()<1>(over_rows(s, rows, width));
    }
    check_launch();
}

}  // namespace

void mul(Context& ctx, const Tensor& a, const Tensor& b, Tensor& y) {
    map_two(ctx, Mul(), a, b, y);
}

void axpby(Context& ctx, float alpha, const Tensor& a, float beta, const Tensor& b, Tensor& y) {
    map_two(ctx, Axpby{alpha, beta}, a, b, y);
}

void silu(Context& ctx, const Tensor& x, Tensor& y) {
    map_one(ctx, Silu(), x, y);
}

void gelu_tanh(Context& ctx, const Tensor& x, Tensor& y) {
    map_one(ctx, GeluTanh(), x, y);
}

void gated_add(Context& ctx, const Tensor& x, const Tensor& gate, const Tensor& h, int64_t boundary, Tensor& y) {
    const State& s = state(ctx);
    const int64_t rows = x.dim(0), width = x.dim(1), last_set = (gate.dim(0) - 1) * width;
    const float* g = in<float>(gate);
    visit(x.dtype(), [&]<class X>() {
        visit(h.dtype(), [&]<class H>() {
            visit(y.dtype(), [&]<class Y>() {
                const auto launch = [&]<int N>(const RowLaunch& how) {
                    gated_add_rows<N><<<how.grid, how.block, 0, s.stream>>>(in<X>(x), g, in<H>(h), out<Y>(y), rows,
                                                                            width / N, boundary, last_set);
                };
                launch_rows<kPack<X, H, Y>>(s, rows, width, launch, in<X>(x), g, in<H>(h), out<Y>(y));
            });
        });
    });
}

void affine(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor& shift, Tensor& y) {
    const State& s = state(ctx);
    const int64_t width = x.dim(-1), rows = x.numel() / width;
    const float *a = in<float>(scale), *b = in<float>(shift);
    visit(x.dtype(), [&]<class X>() {
        visit(y.dtype(), [&]<class Y>() {
            const auto launch = [&]<int N>(const RowLaunch& how) {
                affine_rows<N><<<how.grid, how.block, 0, s.stream>>>(in<X>(x), a, b, out<Y>(y), rows, width / N);
            };
            launch_rows<kPack<X, Y>>(s, rows, width, launch, in<X>(x), a, b, out<Y>(y));
        });
    });
}

}  // namespace t3video::cuda
