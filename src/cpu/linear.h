// Matrix product with a weight on the CPU.
#pragma once

#include "tensor/op_types.h"
#include "tensor/prepared.h"

namespace t3video::cpu {

// y[M, N] = activation(x[M, K] weight[N, K]^T + bias[N] (+ y)).
void linear(Context& ctx, const Tensor& x, const ops::Prepared& weight, const Tensor* bias, ops::Activation activation,
            Tensor& y, bool add);

// A weight [out, in] as oneDNN's matrix products read it, so that none arranges it first; in f32 as it is where they
// want no blocks.
ops::Prepared pack_matrix(Context& ctx, const Stored& weight);

// Bytes of a packed weight, which is padded to whole blocks: these are the largest.
inline size_t packed_bytes(int64_t out, int64_t in) {
    constexpr int64_t kOut = 64, kIn = 16;
    return static_cast<size_t>((out + kOut - 1) * (in + kIn - 1)) * sizeof(float);
}
// As in ops/linear.h.
void product_into(Context& ctx, const Tensor& x, const ops::Prepared& weight, const ops::Into& into, Tensor& y);
void linear_backward(Context& ctx, const Tensor& dy, const ops::Prepared& weight, const ops::Into& into, Tensor& dx);
void add_weight_gradient(Context& ctx, const Tensor& dy, const Tensor& x, float factor, Tensor& dweight);
void add_column_sums(Context& ctx, const Tensor& dy, Tensor& db);

}  // namespace t3video::cpu
