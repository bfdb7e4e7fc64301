// Normalisations over the last axis. Bound by memory: x is read once into registers, y is written once; scales and
// shifts come from cache. Of an H200's 4.3 TB/s the layer norm of the f32 stream at 4K reaches 92 %, the RMS norm of
// queries 95 %. A warp holds one wide row or several narrow ones. Deviations are summed after the mean is
// known. Rows that 16-byte accesses do not fit, or wider than registers hold, are read element by element, two or three
// times, all but the first from cache.
#include "cuda/norm.h"

#include "cuda/column_sums.cuh"
#include "cuda/convert.h"
#include "cuda/norm_rows.cuh"
#include "cuda/rms_backward.cuh"

namespace t3video::cuda {
namespace {

// A group of lanes past the last row counts zeros.
template <bool kCentred, int N, int kItems, class X, class Y>
__global__ void __launch_bounds__(kNormThreads)
    norm_rows(const X* x, const float* scale, const float* shift, Y* y, Norm norm) {
    const int lanes = known_lanes<kItems>(norm.lanes), lane = threadIdx.x % lanes, packs = norm.width / N,
              groups = kNormThreads / lanes;
    for (int64_t first = int64_t{blockIdx.x} * groups; first < norm.rows; first += int64_t{gridDim.x} * groups) {
        const int64_t i = first + threadIdx.x / lanes;
        const bool present = i < norm.rows;
        const int64_t row = present ? norm.sets.row(i) : 0, set = present ? norm.sets.set_of(i) : 0;
        RowRegisters<X, N, kItems> v;
        v.read(x + row * norm.width, packs, lane, lanes, present);
        write_norm<kCentred>(v, scale + set, shift + set, y + i * norm.width, norm, present);
    }
}

template <bool kCentred, class X, class Y>
__global__ void __launch_bounds__(kNormThreads)
    norm_rows_of_any_width(const X* x, const float* scale, const float* shift, Y* y, Norm norm) {
    const int lane = threadIdx.x % norm.lanes, groups = kNormThreads / norm.lanes;
    for (int64_t first = int64_t{blockIdx.x} * groups; first < norm.rows; first += int64_t{gridDim.x} * groups) {
        const int64_t i = first + threadIdx.x / norm.lanes;
        const bool present = i < norm.rows;
        const int width = present ? norm.width : 0;
        const int64_t row = present ? norm.sets.row(i) : 0, set = present ? norm.sets.set_of(i) : 0;
        const X* v = x + row * norm.width;
        float sum = 0, squares = 0;
        if constexpr (kCentred) {
            for (int c = lane; c < width; c += norm.lanes) sum += to_float(v[c]);
        }
        const float mean = kCentred ? group_sum(sum, norm.lanes) / static_cast<float>(norm.width) : 0.0f;
        for (int c = lane; c < width; c += norm.lanes) {
            const float d = to_float(v[c]) - mean;
            squares = fmaf(d, d, squares);
        }
        const float factor = norm.factor(group_sum(squares, norm.lanes));
        for (int c = lane; c < width; c += norm.lanes) {
            y[i * norm.width + c] = from_float<Y>(
                apply<kCentred>(norm, to_float(v[c]), mean, factor, scale[set + c], kCentred ? shift[set + c] : 0.0f));
        }
    }
}

template <bool kCentred, class X, class Y>
void launch(const State& s, const X* x, const float* scale, const float* shift, Y* y, Norm norm) {
    constexpr int N = kPack<X, Y>;
    const bool vectors = fits_registers<N>(norm.width) && aligned(x, scale, shift, y);
    norm.lanes = lanes_for(vectors ? norm.width / N : norm.width);
    if (vectors) {
        visit_items<N>(norm.width, norm.lanes, [&]<int kItems>() {
            norm_rows<kCentred, N, kItems><<<norm.blocks(s), kNormThreads, 0, s.stream>>>(x, scale, shift, y, norm);
        });
    } else {
        norm_rows_of_any_width<kCentred><<<norm.blocks(s), kNormThreads, 0, s.stream>>>(x, scale, shift, y, norm);
    }
    check_launch();
}

template <bool kCentred>
void launch(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor* shift, Tensor& y, Norm norm) {
    require(x.dim(-1) <= (1 << 30), "norm: rows of ", x.dim(-1), " elements");
    norm.width = static_cast<int>(x.dim(-1));
    norm.rows = y.numel() / x.dim(-1);
    visit(x.dtype(), [&]<class X>() {
        visit(y.dtype(), [&]<class Y>() {
            launch<kCentred>(state(ctx), in<X>(x), in<float>(scale), shift ? in<float>(*shift) : nullptr, out<Y>(y),
                             norm);
        });
    });
}

// Backward of a layer norm y = n * (offset + scale) + shift, n = (x - mean) * rstd:
//     dx += rstd * (g - mean(g) - n * mean(g * n)),    g = dy * (offset + scale)
//     dscale += sum of rows of dy * n,    dshift += sum of rows of dy
// Rows of dx are found as those of x; `statistics` takes each row's mean and rstd for the sums, or is null.
struct LayerBackward {
    const float* scale;
    float* dx;
    const int64_t* dx_rows;
    float2* statistics;

    __device__ float* row(int64_t i, int width) const { return dx + (dx_rows ? dx_rows[i] : i) * width; }
};

// Of a row: dx += rstd * (g - offset - (x - mean) * slope)
struct LayerFactors {
    float mean, rstd, offset, slope;

    // Of the sums of g and of g * (x - mean).
    __device__ LayerFactors(float mean_, float rstd_, float sum, float products, int width)
        : mean(mean_),
          rstd(rstd_),
          offset(sum / static_cast<float>(width)),
          slope(rstd_ * rstd_ * products / static_cast<float>(width)) {}
    __device__ float dx(float x, float g) const { return rstd * fmaf(mean - x, slope, g - offset); }
};

// Packs per lane: rows of 3072 floats. Wider ones, with those of dy, would spill.
constexpr int kMostBackwardItems = 24;

// Registers that hold packs of x and dy, and the blocks that have to fit beside each other.
template <int N, int kItems, class X, class Y>
constexpr int kBlocksBeside = kItems* N*(sizeof(X) + sizeof(Y)) / sizeof(float) <= 72 ? 2 : 1;

// Rows of dx are read a few packs at a time, before any of these is written, so that reads are under way together.
template <int N, int kItems, class X, class Y>
__global__ void __launch_bounds__(kNormThreads, kBlocksBeside<N, kItems, X, Y>)
    layer_backward_rows(const X* x, const Y* dy, LayerBackward to, Norm norm) {
    constexpr int kBatch = 3;
    const int lanes = known_lanes<kItems>(norm.lanes), lane = threadIdx.x % lanes, packs = norm.width / N,
              groups = kNormThreads / lanes;
    for (int64_t first = int64_t{blockIdx.x} * groups; first < norm.rows; first += int64_t{gridDim.x} * groups) {
        const int64_t i = first + threadIdx.x / lanes;
        const bool present = i < norm.rows;
        const int64_t row = present ? norm.sets.row(i) : 0, set = present ? norm.sets.set_of(i) : 0;
        RowRegisters<X, N, kItems> v;
        RowRegisters<Y, N, kItems> g;
        v.template read<true>(x + row * norm.width, packs, lane, lanes, present);
        g.template read<true>(dy + i * norm.width, packs, lane, lanes, present);
        const float mean = group_sum(v.sum(), lanes) / static_cast<float>(norm.width);
        v.forget_floats();
        const float rstd = norm.factor(group_sum(v.squares(mean, packs, lane, lanes), lanes));
        v.forget_floats();
        float sum = 0, products = 0;
#pragma unroll
        for (int k = 0; k < kItems; ++k) {
            const int p = lane + k * lanes;
            if (p >= packs) continue;
            const Pack<float, N> scale = load_constant<N>(to.scale + set + p * N);
#pragma unroll
            for (int j = 0; j < N; ++j) {
                const float scaled = to_float(g.pack[k].value[j]) * (norm.offset + scale.value[j]);
                sum += scaled;
                products = fmaf(scaled, to_float(v.pack[k].value[j]) - mean, products);
            }
        }
        const LayerFactors factors(mean, rstd, group_sum(sum, lanes), group_sum(products, lanes), norm.width);
        v.forget_floats();
        g.forget_floats();
        if (!present) continue;
        if (to.statistics && lane == 0) to.statistics[i] = {mean, rstd};
        float* dx = to.row(i, norm.width);
#pragma unroll
        for (int batch = 0; batch < kItems; batch += kBatch) {
            Pack<float, N> result[kBatch];
#pragma unroll
            for (int b = 0; b < kBatch; ++b) {
                const int p = lane + (batch + b) * lanes;
                if (p < packs) result[b] = load_once<N>(static_cast<const float*>(dx) + p * N);
            }
#pragma unroll
            for (int b = 0; b < kBatch; ++b) {
                const int k = batch + b, p = lane + k * lanes;
                if (p >= packs) continue;
                const Pack<float, N> scale = load_constant<N>(to.scale + set + p * N);
#pragma unroll
                for (int j = 0; j < N; ++j) {
                    result[b].value[j] += factors.dx(to_float(v.pack[k].value[j]),
                                                     to_float(g.pack[k].value[j]) * (norm.offset + scale.value[j]));
                }
                store_once(dx + p * N, result[b]);
            }
        }
    }
}

template <class X, class Y>
__global__ void __launch_bounds__(kNormThreads)
    layer_backward_rows_of_any_width(const X* x, const Y* dy, LayerBackward to, Norm norm) {
    const int lanes = norm.lanes, lane = threadIdx.x % lanes, groups = kNormThreads / lanes;
    for (int64_t first = int64_t{blockIdx.x} * groups; first < norm.rows; first += int64_t{gridDim.x} * groups) {
        const int64_t i = first + threadIdx.x / lanes;
        const bool present = i < norm.rows;
        const int width = present ? norm.width : 0;
        const int64_t row = present ? norm.sets.row(i) : 0, set = present ? norm.sets.set_of(i) : 0;
        const X* v = x + row * norm.width;
        const auto scaled = [&](int c) { return to_float(dy[i * norm.width + c]) * (norm.offset + to.scale[set + c]); };
        float total = 0, squares = 0, sum = 0, products = 0;
        for (int c = lane; c < width; c += lanes) total += to_float(v[c]);
        const float mean = group_sum(total, lanes) / static_cast<float>(norm.width);
        for (int c = lane; c < width; c += lanes) {
            const float d = to_float(v[c]) - mean, g = scaled(c);
            squares = fmaf(d, d, squares);
            sum += g;
            products = fmaf(g, d, products);
        }
        const float rstd = norm.factor(group_sum(squares, lanes));
        const LayerFactors factors(mean, rstd, group_sum(sum, lanes), group_sum(products, lanes), norm.width);
        if (!present) continue;
        if (to.statistics && lane == 0) to.statistics[i] = {mean, rstd};
        float* dx = to.row(i, norm.width);
        for (int c = lane; c < width; c += lanes) dx[c] += factors.dx(to_float(v[c]), scaled(c));
    }
}

// The terms of dscale and dshift: dy * n and dy.
template <class X, class Y>
struct LayerTerms {
    static constexpr int kValues = 2;
    const X* x;
    const Y* dy;
    const float2* statistics;
    RowSets sets;
    int64_t width;

    template <int N>
    struct Loaded {
        Pack<X, N> x;
        Pack<Y, N> dy;
        float2 statistics;
    };

    template <int N>
    __device__ Loaded<N> load(int64_t i, int64_t column) const {
        return {load_once<N>(x + sets.row(i) * width + column), load_once<N>(dy + i * width + column), statistics[i]};
    }
    template <int N>
    __device__ void use(const Loaded<N>& row, int64_t, int64_t, int64_t, float (&values)[2][N]) const {
#pragma unroll
        for (int j = 0; j < N; ++j) {
            const float d = to_float(row.dy.value[j]);
            values[0][j] = d * (to_float(row.x.value[j]) - row.statistics.x) * row.statistics.y;
            values[1][j] = d;
        }
    }
};

template <class X, class Y>
void launch_backward(const State& s, const X* x, const Y* dy, const LayerBackward& to, Norm norm) {
    constexpr int N = kPack<X, Y>;
    const bool vectors =
        fits_registers<N>(norm.width) && norm.width / N <= 32 * kMostBackwardItems && aligned(x, dy, to.scale, to.dx);
    norm.lanes = lanes_for(vectors ? norm.width / N : norm.width);
    if (vectors) {
        visit_items<N>(norm.width, norm.lanes, [&]<int kItems>() {
            if constexpr (kItems <= kMostBackwardItems) {
                layer_backward_rows<N, kItems><<<norm.blocks(s), kNormThreads, 0, s.stream>>>(x, dy, to, norm);
            }
        });
    } else {
        layer_backward_rows_of_any_width<<<norm.blocks(s), kNormThreads, 0, s.stream>>>(x, dy, to, norm);
    }
    check_launch();
}

}  // namespace

void rms_norm(Context& ctx, const Tensor& x, const Tensor& weight, float eps, Tensor& y) {
    launch<false>(ctx, x, as_f32(ctx, weight), nullptr, y, {.eps = eps});
}

void channel_norm(Context& ctx, const Tensor& x, const Tensor& gamma, bool silu, Tensor& y) {
    launch<false>(ctx, x, as_f32(ctx, gamma), nullptr, y, {.channel = true, .silu = silu});
}

void layer_norm(Context& ctx, const ops::Rows& x, const Tensor& weight, const Tensor& bias, float eps, Tensor& y) {
    const Tensor shift = as_f32(ctx, bias);
    launch<true>(ctx, x.data, as_f32(ctx, weight), &shift, y, {.sets = row_sets(x), .eps = eps});
}

void norm_modulate(Context& ctx, const ops::Rows& x, const Tensor& scale, const Tensor& shift,
                   const ops::TokenSets& sets, float eps, Tensor& y) {
    launch<true>(ctx, x.data, scale, &shift, y, {.sets = row_sets(x, &scale, sets), .eps = eps, .offset = 1.0f});
}

void rms_norm_backward(Context& ctx, const Tensor& x, const Tensor& weight, float eps, const Tensor& dy, Tensor& dx,
                       Tensor* dweight) {
    require(x.dim(-1) <= (1 << 30), "norm: rows of ", x.dim(-1), " elements");
    const Tensor scale = as_f32(ctx, weight);
    visit(x.dtype(), [&]<class X>() {
        visit(dy.dtype(), [&]<class Y>() {
            const RmsBackward<X, Y> p{in<X>(x),
                                      in<float>(scale),
                                      eps,
                                      in<Y>(dy),
                                      out<Y>(dx),
                                      nullptr,
                                      x.numel() / x.dim(-1),
                                      static_cast<int>(x.dim(-1))};
            rms_backward(ctx, p, Straight(), true, dweight);
        });
    });
}

void norm_backward(Context& ctx, const ops::NormBackward& norm) {
    const Tensor &x = norm.x.data, &dy = norm.dy;
    const int64_t rows = norm.x.count(), width = x.dim(1);
    require(width <= (1 << 30), "norm: rows of ", width, " elements");
    if (rows == 0) return;
    const Tensor scale = as_f32(ctx, norm.scale);
    const RowSets sets = norm.count() > 1 ? row_sets(norm.x, &norm.scale, norm.sets) : row_sets(norm.x);
    Tensor statistics;
    if (norm.dscale || norm.dshift) statistics = empty(ctx, {rows, 2});
    const LayerBackward to{in<float>(scale), out<float>(norm.dx.data), row_sets(norm.dx).indices,
                           statistics.defined() ? reinterpret_cast<float2*>(out<float>(statistics)) : nullptr};
    visit(x.dtype(), [&]<class X>() {
        visit(dy.dtype(), [&]<class Y>() {
            launch_backward(
                state(ctx), in<X>(x), in<Y>(dy), to,
                {.sets = sets, .rows = rows, .width = static_cast<int>(width), .eps = norm.eps, .offset = norm.offset});
            if (!to.statistics) return;
            const LayerTerms<X, Y> terms{in<X>(x), in<Y>(dy), to.statistics, sets, width};
            add_column_sums<kPack<X, Y>>(
                ctx, terms, sets, rows, width, aligned(terms.x, terms.dy),
                {norm.dscale ? out<float>(*norm.dscale) : nullptr, norm.dshift ? out<float>(*norm.dshift) : nullptr});
        });
    });
}

}  // namespace t3video::cuda
