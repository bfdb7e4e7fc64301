// Normalisations over the last axis. Bound by memory: x is read once into registers, y is written once; scales and
// shifts come from cache. A warp holds one wide row or several narrow ones. Deviations are summed after the mean is
// known. Rows that 16-byte accesses do not fit, or wider than registers hold, are read element by element, two or three
// times, all but the first from cache.
#include "cuda/norm.h"

#include "cuda/convert.h"
#include "cuda/row_registers.cuh"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256;  // the widest rows take up to 255 registers of each thread

// y = (x - mean) * factor * (offset + scale) + shift, then SiLU if asked; mean 0 and no shift unless centred.
// factor = rsqrt(mean of squares + eps), or of a channel norm sqrt(width) / max(norm, 1e-12).
struct Norm {
    int64_t rows = 0;
    int64_t boundary = 0,
            last_set = 0;  // rows before `boundary` use the first scale and shift, others those last_set on
    int width = 0;
    int lanes = 32;  // that share a row
    float eps = 0, offset = 0;
    bool channel = false, silu = false;

    __device__ float factor(float squares) const {
        const float n = static_cast<float>(width);
        return channel ? sqrtf(n) / fmaxf(sqrtf(squares), 1e-12f) : 1.0f / sqrtf(squares / n + eps);
    }
    __device__ int64_t set_of(int64_t row) const { return row < boundary ? 0 : last_set; }
};

template <bool kCentred>
__device__ float apply(const Norm& norm, float x, float mean, float factor, float scale, float shift) {
    const float y = kCentred ? fmaf((x - mean) * factor, norm.offset + scale, shift) : x * factor * scale;
    return norm.silu ? silu_of(y) : y;
}

// All lanes of a warp stay together, as the sums need: a group past the last row counts zeros and writes nothing.
template <bool kCentred, int N, int kItems, class X, class Y>
__global__ void __launch_bounds__(kThreads)
    norm_rows(const X* x, const float* scale, const float* shift, Y* y, Norm norm) {
    const int lane = threadIdx.x % norm.lanes, packs = norm.width / N, groups = kThreads / norm.lanes;
    for (int64_t first = int64_t{blockIdx.x} * groups; first < norm.rows; first += int64_t{gridDim.x} * groups) {
        const int64_t row = first + threadIdx.x / norm.lanes;
        const bool present = row < norm.rows;
        RowRegisters<X, N, kItems> v;
        v.read(x + row * norm.width, packs, lane, norm.lanes, present);
        const float mean = kCentred ? group_sum(v.sum(), norm.lanes) / static_cast<float>(norm.width) : 0.0f;
        const float factor = norm.factor(group_sum(v.squares(mean, packs, lane, norm.lanes), norm.lanes));
        if (!present) continue;
        const float *a = scale + norm.set_of(row), *b = shift + norm.set_of(row);
#pragma unroll
        for (int i = 0; i < kItems; ++i) {
            const int p = lane + i * norm.lanes;
            if (p >= packs) continue;
            const Pack<float, N> s = load<N>(a + p * N);
            Pack<float, N> t{};
            if constexpr (kCentred) t = load<N>(b + p * N);
            Pack<Y, N> result;
#pragma unroll
            for (int j = 0; j < N; ++j) {
                result.value[j] = from_float<Y>(
                    apply<kCentred>(norm, to_float(v.pack[i].value[j]), mean, factor, s.value[j], t.value[j]));
            }
            store(y + row * norm.width + p * N, result);
        }
    }
}

template <bool kCentred, class X, class Y>
__global__ void __launch_bounds__(kThreads)
    norm_rows_of_any_width(const X* x, const float* scale, const float* shift, Y* y, Norm norm) {
    const int lane = threadIdx.x % norm.lanes, groups = kThreads / norm.lanes;
    for (int64_t first = int64_t{blockIdx.x} * groups; first < norm.rows; first += int64_t{gridDim.x} * groups) {
        const int64_t row = first + threadIdx.x / norm.lanes;
        const int width = row < norm.rows ? norm.width : 0;
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
        const int64_t set = norm.set_of(row);
        for (int c = lane; c < width; c += norm.lanes) {
            y[row * norm.width + c] = from_float<Y>(
                apply<kCentred>(norm, to_float(v[c]), mean, factor, scale[set + c], kCentred ? shift[set + c] : 0.0f));
        }
    }
}

template <bool kCentred, class X, class Y>
void launch(const State& s, const X* x, const float* scale, const float* shift, Y* y, Norm norm) {
    constexpr int N = kPack<X, Y>;
    const int64_t packs = norm.width / N;
    const bool vectors = norm.width % N == 0 && packs <= 32 * kMostItems<N> && aligned(x, scale, shift, y);
    norm.lanes = lanes_for(vectors ? packs : norm.width);
    const int64_t groups = kThreads / norm.lanes;
    const unsigned blocks = blocks_for(s, (norm.rows + groups - 1) / groups);
    if (vectors) {
        visit_items<N>((packs + norm.lanes - 1) / norm.lanes, [&]<int kItems>() {
            norm_rows<kCentred, N, kItems><<<blocks, kThreads, 0, s.stream>>>(x, scale, shift, y, norm);
        });
    } else {
        norm_rows_of_any_width<kCentred><<<blocks, kThreads, 0, s.stream>>>(x, scale, shift, y, norm);
    }
    check_launch();
}

template <bool kCentred>
void launch(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor* shift, Tensor& y, Norm norm) {
    require(x.dim(-1) <= (1 << 30), "norm: rows of ", x.dim(-1), " elements");
    norm.width = static_cast<int>(x.dim(-1));
    norm.rows = x.numel() / x.dim(-1);
    visit(x.dtype(), [&]<class X>() {
        visit(y.dtype(), [&]<class Y>() {
            launch<kCentred>(state(ctx), in<X>(x), in<float>(scale), shift ? in<float>(*shift) : nullptr, out<Y>(y),
                             norm);
        });
    });
}

}  // namespace

void rms_norm(Context& ctx, const Tensor& x, const Tensor& weight, float eps, Tensor& y) {
    launch<false>(ctx, x, as_f32(ctx, weight), nullptr, y, {.eps = eps});
}

void channel_norm(Context& ctx, const Tensor& x, const Tensor& gamma, bool silu, Tensor& y) {
    launch<false>(ctx, x, as_f32(ctx, gamma), nullptr, y, {.channel = true, .silu = silu});
}

void layer_norm(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, Tensor& y) {
    const Tensor shift = as_f32(ctx, bias);
    launch<true>(ctx, x, as_f32(ctx, weight), &shift, y, {.eps = eps});
}

void norm_modulate(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor& shift, int64_t boundary, float eps,
                   Tensor& y) {
    launch<true>(ctx, x, scale, &shift, y,
                 {.boundary = boundary, .last_set = (scale.dim(0) - 1) * x.dim(-1), .eps = eps, .offset = 1.0f});
}

}  // namespace t3video::cuda
