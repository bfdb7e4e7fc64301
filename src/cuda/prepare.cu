// Rearranging the weights of convolutions. Bound by memory.
#include "cuda/prepare.h"

#include "cuda/kernel.cuh"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256;

// [co, ci, taps] -> [co_padded, taps, ci_padded]
template <class T>
__global__ void arrange_weight_taps(const T* weight, int64_t co, int64_t ci, int64_t taps, int64_t co_padded,
                                    int64_t ci_padded, T* to) {
    const int64_t count = co_padded * taps * ci_padded;
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += int64_t{gridDim.x} * kThreads) {
        const int64_t c = i % ci_padded, tap = i / ci_padded % taps, o = i / (ci_padded * taps);
        to[i] = c < ci && o < co ? weight[(o * ci + c) * taps + tap] : from_float<T>(0.0f);
    }
}

template <class B>
__global__ void pad_bias(const B* bias, int64_t co, int64_t co_padded, float* to) {
    for (int64_t i = threadIdx.x; i < co_padded; i += kThreads) to[i] = i < co ? to_float(bias[i]) : 0.0f;
}

// What output pixels of each parity of row and column see of a 3x3 kernel behind doubled pixels: an even one neighbour
// -1 once and itself twice, an odd one itself twice and neighbour +1 once.
// weight: [co, ci, 3, 3] -> [parity of row, of column, co, 2, 2, ci]
__global__ void fold_weight(const __nv_bfloat16* weight, int64_t co, int64_t ci, __nv_bfloat16* to) {
    const int64_t count = 16 * co * ci;
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += int64_t{gridDim.x} * kThreads) {
        const int64_t c = i % ci, column = i / ci % 2, row = i / (2 * ci) % 2, o = i / (4 * ci) % co;
        const int64_t q = i / (4 * ci * co) % 2, p = i / (8 * ci * co);
        float sum = 0;
        for (int64_t dy = 0; dy < 3; ++dy) {
            for (int64_t dx = 0; dx < 3; ++dx) {
                if ((dy + 1 - p) / 2 == row && (dx + 1 - q) / 2 == column) {
                    sum += to_float(weight[(o * ci + c) * 9 + dy * 3 + dx]);
                }
            }
        }
        to[i] = from_float<__nv_bfloat16>(sum);
    }
}

}  // namespace

void arrange_taps(Context& ctx, const Tensor& weight, Tensor& to) {
    const State& s = state(ctx);
    const int64_t co = weight.dim(0), ci = weight.dim(1), taps = to.dim(1);
    visit(weight.dtype(), [&]<class T>() {
        arrange_weight_taps<<<blocks_for(s, to.numel() / kThreads), kThreads, 0, s.stream>>>(
            in<T>(weight), co, ci, taps, to.dim(0), to.dim(2), out<T>(to));
    });
    check_launch();
}

void arrange_phases(Context& ctx, const Tensor& weight, Tensor& to) {
    const State& s = state(ctx);
    fold_weight<<<blocks_for(s, to.numel() / kThreads), kThreads, 0, s.stream>>>(
        in<__nv_bfloat16>(weight), weight.dim(0), weight.dim(1), out<__nv_bfloat16>(to));
    check_launch();
}

void arrange_bias(Context& ctx, const Tensor& bias, Tensor& to) {
    const State& s = state(ctx);
    visit(bias.dtype(), [&]<class B>() {
        pad_bias<<<1, kThreads, 0, s.stream>>>(in<B>(bias), bias.numel(), to.numel(), out<float>(to));
    });
    check_launch();
}

}  // namespace t3video::cuda
