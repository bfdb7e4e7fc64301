// Element by element arithmetic. Bound by memory: every operand is read once, the result written once. Of an H200's
// 4.3 TB/s the gated residual, rows in the order of windows, reaches 95 % at 4K.
#include "cuda/elementwise.h"

#include "cuda/column_sums.cuh"
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
struct Relu {
    __device__ float operator()(float x) const { return x < 0 ? 0.0f : x; }
};
struct SoftClamp {
    float bound;
    __device__ float operator()(float x) const { return bound * tanhf(x / bound); }
};

// x within `bound` of zero; NaN stays, where fminf and fmaxf would drop it.
__device__ float within(float x, float bound) {
    return x < -bound ? -bound : x > bound ? bound : x;
}
// 1 / (1 + exp(-x)) for x of at least -80, where __fdividef still takes the denominator.
__device__ float sigmoid(float x) {
    return __fdividef(1.0f, 1.0f + __expf(-x));
}
// dy * s (1 + x (1 - s)), s = 1 / (1 + exp(-x)). Beyond 80 in magnitude the slope no longer differs from 0 or 1.
struct SiluBackward {
    __device__ float operator()(float x, float dy) const {
        x = within(x, 80.0f);
        const float s = sigmoid(x);
        return dy * s * fmaf(x, 1.0f - s, 1.0f);
    }
};
// dy * (s + x s (1 - s) 2u'), s = 1 / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3). Beyond 15 in magnitude the
// slope no longer differs from 0 or 1.
struct GeluTanhBackward {
    __device__ float operator()(float x, float dy) const {
        x = within(x, 15.0f);
        const float twice_u = 1.5957691216057308f * fmaf(0.044715f, x * x * x, x);
        const float slope_of_twice_u = 1.5957691216057308f * fmaf(3 * 0.044715f, x * x, 1.0f);
        const float s = sigmoid(within(twice_u, 80.0f));
        return dy * fmaf(x * s * (1.0f - s), slope_of_twice_u, s);
    }
};

// Row i of x += gate * row i of h, in packs. A thread keeps its columns of both gates of the sample blockIdx.z and
// walks down its rows.
template <int N, class X, class H>
__global__ void add_residual_rows(X* x, const H* h, const float* gate, RowSets sets, int64_t all_rows, int64_t packs) {
    const int64_t column = first_column(), start = int64_t{blockIdx.z} * sets.period;
    const auto [begin, rows] = sets.rows_of(blockIdx.z, all_rows);
    if (column >= packs) return;
    Pack<float, N> early, late;
#pragma unroll
    for (int j = 0; j < N; ++j) early.value[j] = late.value[j] = 1.0f;
    if (gate) {
        gate += blockIdx.z * sets.sample_set;
        early = load<N>(gate + column * N);
        late = load<N>(gate + sets.last_set + column * N);
    }
    for (int64_t i = begin + first_row(); i < rows; i += row_step()) {
        X* to = x + (sets.row(i) * packs + column) * N;
        const bool is_early = sets.is_early(i, start);
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

// dh = gate * dx, and the terms of dgate: dx * h.
template <class X, class H>
struct GatedBackward {
    static constexpr int kValues = 1;
    const X* dx;
    const float* gate;
    const H* h;
    H* dh;
    RowSets sets;
    int64_t width;

    template <int N>
    struct Loaded {
        Pack<X, N> dx;
        Pack<H, N> h;
    };

    template <int N>
    __device__ Loaded<N> load(int64_t i, int64_t column) const {
        return {cuda::load<N>(dx + sets.row(i) * width + column), load_once<N>(h + i * width + column)};
    }
    template <int N>
    __device__ void use(const Loaded<N>& row, int64_t i, int64_t column, int64_t set, float (&values)[1][N]) const {
        const Pack<float, N> g = load_constant<N>(gate + set + column);
        Pack<H, N> result;
#pragma unroll
        for (int j = 0; j < N; ++j) {
            const float d = to_float(row.dx.value[j]);
            values[0][j] = d * to_float(row.h.value[j]);
            result.value[j] = from_float<H>(g.value[j] * d);
        }
        store(dh + i * width + column, result);
    }
};

// y = x * scale + shift, or without a scale x + shift
template <int N, class X, class Y>
__global__ void affine_rows(const X* x, const float* scale, const float* shift, Y* y, int64_t rows, int64_t packs) {
    const int64_t column = first_column();
    if (column >= packs) return;
    const Pack<float, N> b = load<N>(shift + column * N);
    Pack<float, N> a;
#pragma unroll
    for (int j = 0; j < N; ++j) a.value[j] = 1.0f;
    if (scale) a = load<N>(scale + column * N);
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

void relu(Context& ctx, const Tensor& x, Tensor& y) {
    map_one(ctx, Relu(), x, y);
}

void soft_clamp(Context& ctx, const Tensor& x, float bound, Tensor& y) {
    map_one(ctx, SoftClamp{bound}, x, y);
}

void add_residual(Context& ctx, ops::Rows& rows_of_x, const ops::Residual& residual, const ops::TokenSets& sets) {
    const State& s = state(ctx);
    Tensor& x = rows_of_x.data;
    const Tensor& h = residual.h;
    const int64_t rows = h.dim(0), width = h.dim(1);
    const float* gate = residual.gate ? in<float>(*residual.gate) : nullptr;
    const RowSets gates = row_sets(rows_of_x, residual.gate, sets);
    visit(x.dtype(), [&]<class X>() {
        visit(h.dtype(), [&]<class H>() {
            const auto launch = [&]<int N>(const RowLaunch& how) {
                const dim3 grid(how.grid.x, how.grid.y, gates.samples);
                add_residual_rows<N>
                    <<<grid, how.block, 0, s.stream>>>(out<X>(x), in<H>(h), gate, gates, rows, width / N);
            };
            const int64_t rows_of_one = gates.samples > 1 ? std::min<int64_t>(rows, gates.period) : rows;
            launch_rows<kPack<X, H>>(s, rows_of_one, width, launch, in<X>(x), in<H>(h), gate);
        });
    });
}

void silu_backward(Context& ctx, const Tensor& x, const Tensor& dy, Tensor& dx) {
    map_two(ctx, SiluBackward(), x, dy, dx);
}

void gelu_tanh_backward(Context& ctx, const Tensor& x, const Tensor& dy, Tensor& dx) {
    map_two(ctx, GeluTanhBackward(), x, dy, dx);
}

void add_gated_backward(Context& ctx, const ops::Rows& dx, const Tensor& gate, const Tensor& h,
                        const ops::TokenSets& sets, Tensor& dh, Tensor* dgate) {
    const int64_t rows = h.dim(0), width = h.dim(1);
    const RowSets gates = row_sets(dx, &gate, sets);
    float* sums = dgate ? out<float>(*dgate) : nullptr;
    visit(dx.data.dtype(), [&]<class X>() {
        visit(h.dtype(), [&]<class H>() {
            const GatedBackward<X, H> terms{in<X>(dx.data), in<float>(gate), in<H>(h), out<H>(dh), gates, width};
            add_column_sums<kPack<X, H>>(ctx, terms, gates, rows, width,
                                         aligned(terms.dx, terms.gate, terms.h, terms.dh), {sums});
        });
    });
}

namespace {

void launch_affine(const State& s, const Tensor& x, const float* a, const float* b, Tensor& y) {
    const int64_t width = x.dim(-1), rows = x.numel() / width;
    visit(x.dtype(), [&]<class X>() {
        visit(y.dtype(), [&]<class Y>() {
            const auto launch = [&]<int N>(const RowLaunch& how) {
                affine_rows<N><<<how.grid, how.block, 0, s.stream>>>(in<X>(x), a, b, out<Y>(y), rows, width / N);
            };
            launch_rows<kPack<X, Y>>(s, rows, width, launch, in<X>(x), a, b, out<Y>(y));
        });
    });
}

}  // namespace

void affine(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor& shift, Tensor& y) {
    launch_affine(state(ctx), x, in<float>(scale), in<float>(shift), y);
}

void add_row(Context& ctx, const Tensor& x, const Tensor& row, Tensor& y) {
    launch_affine(state(ctx), x, nullptr, in<float>(row), y);
}

}  // namespace t3video::cuda
