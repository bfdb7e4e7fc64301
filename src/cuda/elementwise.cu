// Element by element arithmetic. Bound by memory: every operand is read once, the result written once. Of an H200's
// 4.3 TB/s the gated residual, rows in the order of windows, reaches 95 % at 4K.
#include "cuda/elementwise.h"

#include "cuda/map.cuh"
#include "cuda/row_sets.cuh"

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

// Row i of x += gate * row i of h, in packs. A thread keeps its columns of both gates and walks down the rows.
template <int N, class X, class H>
__global__ void add_residual_rows(X* x, const H* h, const float* gate, RowSets sets, int64_t rows, int64_t packs) {
    const int64_t column = first_column();
    if (column >= packs) return;
    Pack<float, N> early, late;
#pragma unroll
    for (int j = 0; j < N; ++j) early.value[j] = late.value[j] = 1.0f;
    if (gate) {
        early = load<N>(gate + column * N);
        late = load<N>(gate + sets.last_set + column * N);
    }
    for (int64_t i = first_row(); i < rows; i += row_step()) {
        X* to = x + (sets.row(i) * packs + column) * N;
        const bool is_early = sets.is_early(i);
        const Pack<H, N> b = load<N>(h + (i * packs + column) * N);
        Pack<X, N> sum = load<N>(static_cast<const X*>(to));
#pragma unroll
        for (int j = 0; j < N; ++j) {
            const float g = is_early ? early.value[j] : late.value[j];
            sum.value[j] = from_float<X>(fmaf(g, to_float(b.value[j]), to_float(sum.value[j])));
        }
        store(to, sum);
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

void add_residual(Context& ctx, ops::Rows& rows_of_x, const ops::Residual& residual, int64_t boundary) {
    const State& s = state(ctx);
    Tensor& x = rows_of_x.data;
    const Tensor& h = residual.h;
    const int64_t rows = h.dim(0), width = h.dim(1);
    const float* gate = residual.gate ? in<float>(*residual.gate) : nullptr;
    const RowSets sets = row_sets(rows_of_x, residual.gate, boundary);
    visit(x.dtype(), [&]<class X>() {
        visit(h.dtype(), [&]<class H>() {
            const auto launch = [&]<int N>(const RowLaunch& how) {
                add_residual_rows<N>
                    <<<how.grid, how.block, 0, s.stream>>>(out<X>(x), in<H>(h), gate, sets, rows, width / N);
            };
            launch_rows<kPack<X, H>>(s, rows, width, launch, in<X>(x), in<H>(h), gate);
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
