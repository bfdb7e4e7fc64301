// Normalisations over the last axis. Bound by memory: x is read once into registers, y is written once; scales and
// shifts come from cache. Of an H200's 4.3 TB/s the layer norm of the f32 stream at 4K reaches 92 %, the RMS norm of
// queries 95 %. A warp holds one wide row or several narrow ones. Deviations are summed after the mean is
// known. Rows that 16-byte accesses do not fit, or wider than registers hold, are read element by element, two or three
// times, all but the first from cache.
#include "cuda/norm.h"

#include "cuda/convert.h"
#include "cuda/norm_rows.cuh"

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

void norm_modulate(Context& ctx, const ops::Rows& x, const Tensor& scale, const Tensor& shift, int64_t boundary,
                   float eps, Tensor& y) {
    launch<true>(ctx, x.data, scale, &shift, y, {.sets = row_sets(x, &scale, boundary), .eps = eps, .offset = 1.0f});
}

}  // namespace t3video::cuda
