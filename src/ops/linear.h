// y = activation(x W^T + b)
#pragma once

#include "ops/prepare.h"

namespace t3video::ops {

// x: [..., in] f32 or the context's compute type; weight: [out, in] (trailing unit axes allowed: a 1x1 convolution),
// of the role matrix; bias: [out] of any float type, on a GPU of x's, or null. Returns [..., out] of x's type. The
// activation is applied after the bias.
Tensor linear(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias = nullptr,
              Activation activation = Activation::none);

// The same into y, [..., out] of x's type; `add`: activation(x W^T + b + y).
void linear_into(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, Activation activation,
                 Tensor& y, bool add = false);

// y = factor * x W^T, or added to y.
void product_into(Context& ctx, const Tensor& x, const Weight& weight, const Into& into, Tensor& y);

// Whether products of so many rows are worth adding to f32 rows as they are computed: then a residual step has no
// summand in memory.
bool adds_products(const Context& ctx, int64_t rows, int64_t out);
// W and b, which may be null, times the gate of each output, [1, out] f32 or null for 1. Where adds_products() says so.
GatedProduct fold_gate(Context& ctx, const Weight& weight, const Tensor* bias, const Tensor* gate);
// y += gate * (x W^T + b) for x: [n, in] of the compute type and y: [n, out] f32.
void add_product(Context& ctx, const Tensor& x, const GatedProduct& product, Tensor& y);

// Backward of y = x W^T + b, for dy: [..., out] of x's type.
// dx = factor * dy W, or added to dx: [..., in], of dy's type or f32.
void linear_backward_into(Context& ctx, const Tensor& dy, const Weight& weight, const Into& into, Tensor& dx);
// dweight += factor * dy^T x.   dweight: f32, out x in elements.
void add_weight_gradient(Context& ctx, const Tensor& dy, const Tensor& x, float factor, Tensor& dweight);
// db += the sum of dy's rows.   dy: [..., C], db: f32, C elements.
void add_column_sums(Context& ctx, const Tensor& dy, Tensor& db);

}  // namespace t3video::ops
