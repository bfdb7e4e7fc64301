// x += gate * h, and the norm of the sum. Bound by memory: x and h are read once, x and y written once; the sum stays
// in registers in between. At 33,792 rows an H200 moves 3.7 TB/s at 1536 columns and 3.6 at 3072, 88 and 84 % of what
// it copies at. Rows that do not fit registers take the two steps one after the other.
#include "cuda/residual.h"

#include "cuda/convert.h"
#include "cuda/elementwise.h"
#include "cuda/norm.h"
#include "cuda/norm_rows.cuh"

namespace t3video::cuda {
namespace {

// Packs per lane: rows of 3072 floats. Wider ones, with what is added to them, would spill.
constexpr int kMost = 24;

// All of a row is read before any of it is written, so that many reads are under way together.
template <int N, int kItems, class H, class Y>
__global__ void __launch_bounds__(kNormThreads, kItems <= 12 ? 2 : 1)
    add_norm_rows(float* x, const H* h, const float* gate, RowSets gates, const float* scale, const float* shift, Y* y,
                  Norm norm) {
    const int lanes = known_lanes<kItems>(norm.lanes), lane = threadIdx.x % lanes, packs = norm.width / N,
              groups = kNormThreads / lanes;
    for (int64_t first = int64_t{blockIdx.x} * groups; first < norm.rows; first += int64_t{gridDim.x} * groups) {
        const int64_t i = first + threadIdx.x / lanes;
        const bool present = i < norm.rows;
        if (lanes == 32 && !present) return;
        const int64_t row = present ? norm.sets.row(i) : 0, set = present ? norm.sets.set_of(i) : 0,
                      set_of_gate = present ? gates.set_of(i) : 0;
        float* to = x + row * norm.width;
        RowRegisters<float, N, kItems> sum;
        RowRegisters<H, N, kItems> added;
        sum.template read<true>(to, packs, lane, lanes, present);
        added.template read<true>(h + i * norm.width, packs, lane, lanes, present);
#pragma unroll
        for (int k = 0; k < kItems; ++k) {
            const int at = (lane + k * lanes) * N;
            if (!present || at >= norm.width) continue;
            const Pack<float, N> g = gate ? load_constant<N>(gate + set_of_gate + at) : Pack<float, N>{1, 1, 1, 1};
#pragma unroll
            for (int j = 0; j < N; ++j) {
                sum.pack[k].value[j] = fmaf(g.value[j], to_float(added.pack[k].value[j]), sum.pack[k].value[j]);
            }
            store_once(to + at, sum.pack[k]);
        }
        write_norm<true, true>(sum, scale + set, shift + set, y + i * norm.width, norm, present);
    }
}

// Whether the rows fit registers and the sum and its norm are on their way.
bool launch(Context& ctx, ops::Rows& rows, const ops::Residual& residual, const ops::TokenSets& sets,
            const Tensor& scale, const Tensor& shift, Tensor& y, Norm norm) {
    constexpr int N = kPack<float>;
    const Tensor& h = residual.h;
    Tensor& x = rows.data;
    const State& s = state(ctx);
    const float *gate = residual.gate ? in<float>(*residual.gate) : nullptr, *a = in<float>(scale),
                *b = in<float>(shift);
    const auto packed = [](const Tensor& t) { return reinterpret_cast<uintptr_t>(t.raw()) % 16 == 0; };
    if (h.dim(1) % N != 0 || h.dim(1) / N > 32 * kMost || !aligned(in<float>(x), gate, a, b) || !packed(h) ||
        !packed(y))
        return false;
    norm.rows = h.dim(0);
    norm.width = static_cast<int>(h.dim(1));
    norm.lanes = lanes_for(norm.width / N);
    const RowSets gates = row_sets(rows, residual.gate, sets);
    visit(h.dtype(), [&]<class H>() {
        visit(y.dtype(), [&]<class Y>() {
            visit_items<N>(norm.width, norm.lanes, [&]<int kItems>() {
                if constexpr (kItems <= kMost) {
                    add_norm_rows<N, kItems><<<norm.blocks(s), kNormThreads, 0, s.stream>>>(
                        out<float>(x), in<H>(h), gate, gates, a, b, out<Y>(y), norm);
                }
            });
        });
    });
    check_launch();
    return true;
}

}  // namespace

void add_norm_modulate(Context& ctx, ops::Rows& x, const ops::Residual& residual, const Tensor& scale,
                       const Tensor& shift, const ops::TokenSets& sets, float eps, Tensor& y) {
    const Norm norm{.sets = row_sets(x, &scale, sets), .eps = eps, .offset = 1.0f};
    if (launch(ctx, x, residual, sets, scale, shift, y, norm)) return;
    add_residual(ctx, x, residual, sets);
    norm_modulate(ctx, x, scale, shift, sets, eps, y);
}

void add_layer_norm(Context& ctx, ops::Rows& x, const ops::Residual& residual, const Tensor& weight, const Tensor& bias,
                    const ops::TokenSets& sets, float eps, Tensor& y) {
    const Tensor scale = as_f32(ctx, weight), shift = as_f32(ctx, bias);
    if (launch(ctx, x, residual, sets, scale, shift, y, {.sets = row_sets(x), .eps = eps})) return;
    add_residual(ctx, x, residual, sets);
    layer_norm(ctx, x, scale, shift, eps, y);
}

}  // namespace t3video::cuda
