// Linear layers. Bound by the matrix units through cuBLASLt, with bias and GELU in the product's epilogue: the
// transformer's products at 4K reach 93 to 105 % of an H200's 790 TFLOP/s, one at a time. Timesteps, one or two rows
// in f32 against weights of any type, take a kernel of their own, bound by reading the weight once. The products of the
// backward are cuBLASLt's choice; their sums are f32, and so is what a weight's gradient is added to. Products of
// 33,792 rows that are added to the residual stream in f32 take 11 % longer from 1536 to 1536 and 3 % from 8960 than
// those that store bf16; the passes over the stream that they save are more.
#include "cuda/linear.h"

#include "cuda/convert.h"
#include "cuda/elementwise.h"
#include "cuda/kernel.cuh"
#include "cuda/library/gemm.h"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;

// One warp per output: y[row, o] = factor * sum_i x[row, i] w[o, i] + bias[o], or added to y.
template <class W, class B>
__global__ void few_rows(const float* x, const W* weight, const B* bias, ops::Into into, float* y, int64_t rows,
                         int64_t in, int64_t out) {
    const int lane = threadIdx.x % 32;
    const int64_t warps = int64_t{gridDim.x} * kWarps;
    for (int64_t i = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32; i < rows * out; i += warps) {
        const int64_t row = i / out, o = i % out;
        float sum = 0;
        for (int64_t j = lane; j < in; j += 32) sum += x[row * in + j] * to_float(weight[o * in + j]);
        sum = warp_sum(sum);
        if (lane == 0) y[i] = into.factor * sum + (bias ? to_float(bias[o]) : 0.0f) + (into.add ? y[i] : 0.0f);
    }
}

// to[o, i] = gate[o] * weight[o, i], and the same of the bias, which becomes f32; without a gate 1. `weight` may be
// null.
__global__ void fold(const __nv_bfloat16* weight, const __nv_bfloat16* bias, const float* gate, int64_t out, int64_t in,
                     __nv_bfloat16* to, float* to_bias) {
    const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x, step = int64_t{gridDim.x} * kThreads;
    for (int64_t o = i; o < out; o += step) to_bias[o] = (gate ? gate[o] : 1.0f) * (bias ? to_float(bias[o]) : 0.0f);
    if (!weight) return;
    constexpr int N = 8;
    for (int64_t at = i * N; at < out * in; at += step * N) {
        Pack<__nv_bfloat16, N> pack = load<N>(weight + at);
        const float factor = gate[at / in];
        for (auto& value : pack.value) value = from_float<__nv_bfloat16>(factor * to_float(value));
        store(to + at, pack);
    }
}

// y = factor * x W^T (+ bias), or added to y.
void multiply(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, bool gelu, const ops::Into& into,
              Tensor& y) {
    State& s = state(ctx);
    const int64_t in_width = x.dim(-1), out_width = weight.dim(0), rows = x.numel() / in_width;
    if (x.dtype() == weight.dtype()) {
        require(!bias || bias->dtype() == x.dtype(), "linear: bias of ", bias ? bias->dtype() : x.dtype(), " for x of ",
                x.dtype());
        gemm(s,
             {.m = rows,
              .n = out_width,
              .k = in_width,
              .in = x.dtype(),
              .out = y.dtype(),
              .lda = in_width,
              .ldb = in_width,
              .ldc = out_width,
              .bias = bias != nullptr,
              .gelu = gelu,
              .alpha = into.factor,
              .accumulate = into.add},
             x.raw(), weight.raw(), y.raw(), bias ? bias->raw() : nullptr);
        return;
    }
    require(weight.dtype() == DType::bf16 && (!bias || bias->dtype() == DType::bf16), "linear: weight of ",
            weight.dtype(), " for x of ", x.dtype());
    few_rows<<<blocks_for(s, (rows * out_width + kWarps - 1) / kWarps), kThreads, 0, s.stream>>>(
        in<float>(x), in<__nv_bfloat16>(weight), bias ? in<__nv_bfloat16>(*bias) : nullptr, into, out<float>(y), rows,
        in_width, out_width);
    check_launch();
}

}  // namespace

void linear(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, ops::Activation activation,
            Tensor& y, bool add) {
    const bool gelu = activation == ops::Activation::gelu_tanh;
    // cuBLAS approximates tanh, which is enough for bf16 only.
    const bool fused = gelu && y.dtype() == DType::bf16;
    multiply(ctx, x, weight, bias, fused, {.add = add}, y);
    if (gelu && !fused) gelu_tanh(ctx, y, y);
    if (activation == ops::Activation::silu) silu(ctx, y, y);
}

void product_into(Context& ctx, const Tensor& x, const Tensor& weight, const ops::Into& into, Tensor& y) {
    multiply(ctx, x, weight, nullptr, false, into, y);
}

void fold_gate(Context& ctx, const Tensor& weight, const Tensor* bias, const Tensor* gate, ops::GatedProduct& product) {
    const int64_t out_width = weight.dim(0), in_width = weight.numel() / out_width;
    require(weight.dtype() == DType::bf16 && (!bias || bias->dtype() == DType::bf16) && in_width % 8 == 0,
            "fold_gate: weight ", weight.shape(), " of ", weight.dtype());
    product.weight = gate ? empty_like(ctx, weight) : weight;
    product.bias = empty(ctx, {out_width});
    const State& s = state(ctx);
    fold<<<blocks_for(s, weight.numel() / 8 / kThreads), kThreads, 0, s.stream>>>(
        gate ? in<__nv_bfloat16>(weight) : nullptr, bias ? in<__nv_bfloat16>(*bias) : nullptr,
        gate ? in<float>(*gate) : nullptr, out_width, in_width, gate ? out<__nv_bfloat16>(product.weight) : nullptr,
        out<float>(product.bias));
    check_launch();
}

void add_product(Context& ctx, const Tensor& x, const ops::GatedProduct& product, Tensor& y) {
    const int64_t in_width = x.dim(1), out_width = y.dim(1);
    gemm(state(ctx),
         {.m = x.dim(0),
          .n = out_width,
          .k = in_width,
          .in = x.dtype(),
          .out = DType::f32,
          .lda = in_width,
          .ldb = in_width,
          .ldc = out_width,
          .bias = true,
          .accumulate = true},
         x.raw(), product.weight.raw(), y.raw(), product.bias.raw());
}

void linear_backward(Context& ctx, const Tensor& dy, const Tensor& weight, const ops::Into& into, Tensor& dx) {
    const int64_t out_width = weight.dim(0), in_width = weight.numel() / out_width, rows = dy.numel() / out_width;
    const Tensor matrix = dy.dtype() == DType::f32 ? as_f32(ctx, weight) : weight;
    require(matrix.dtype() == dy.dtype(), "linear_backward: weight of ", weight.dtype(), " for dy of ", dy.dtype());
    gemm(state(ctx),
         {.m = rows,
          .n = in_width,
          .k = out_width,
          .in = dy.dtype(),
          .out = dx.dtype(),
          .lda = out_width,
          .ldb = in_width,
          .ldc = in_width,
          .b_transposed = false,
          .alpha = into.factor,
          .accumulate = into.add},
         dy.raw(), matrix.raw(), dx.raw());
}

void add_weight_gradient(Context& ctx, const Tensor& dy, const Tensor& x, float factor, Tensor& dweight) {
    const int64_t out_width = dy.dim(-1), in_width = x.dim(-1);
    gemm(state(ctx),
         {.m = out_width,
          .n = in_width,
          .k = x.numel() / in_width,
          .in = dy.dtype(),
          .out = DType::f32,
          .lda = out_width,
          .ldb = in_width,
          .ldc = in_width,
          .a_transposed = true,
          .b_transposed = false,
          .alpha = factor,
          .accumulate = true},
         dy.raw(), x.raw(), dweight.raw());
}

}  // namespace t3video::cuda
