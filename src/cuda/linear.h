// Matrix products on the GPU.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cuda {

// See ops/linear.h. x and y: f32 or bf16; bf16 x needs a bf16 weight and bias, f32 x takes any float type.
void linear(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, ops::Activation activation,
            Tensor& y, bool add);
// As in ops/linear.h. product_into takes x and weight as linear does.
void product_into(Context& ctx, const Tensor& x, const Tensor& weight, const ops::Into& into, Tensor& y);
// dy of bf16 needs a weight of bf16; dy of f32 takes f32 and bf16.
void linear_backward(Context& ctx, const Tensor& dy, const Tensor& weight, const ops::Into& into, Tensor& dx);
void add_weight_gradient(Context& ctx, const Tensor& dy, const Tensor& x, float factor, Tensor& dweight);
void add_column_sums(Context& ctx, const Tensor& dy, Tensor& db);

// As in ops/linear.h: bf16, on Hopper alone, where products fill it. On other cards nothing was measured.
inline bool adds_products(const DeviceTraits& device, DType type, int64_t rows, int64_t out) {
    constexpr int64_t kTile = 128;
    return device.major == 9 && type == DType::bf16 &&
           rows * out >= int64_t{5} * kTile * kTile * device.multiprocessors;
}
void fold_gate(Context& ctx, const Tensor& weight, const Tensor* bias, const Tensor* gate, ops::GatedProduct& product);
void add_product(Context& ctx, const Tensor& x, const ops::GatedProduct& product, Tensor& y);

// What linear_backward takes for itself: the weight in f32, where dy is but the weight is not.
inline Scratch linear_backward_scratch(const Tensor& dy, const Tensor& /*dx*/, const Tensor& weight) {
    if (dy.dtype() == weight.dtype()) return {};
    return {static_cast<size_t>(weight.numel()) * sizeof(float)};
}

}  // namespace t3video::cuda
