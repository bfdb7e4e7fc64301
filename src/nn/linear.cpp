// A linear map with its adapter, forward and backward.
#include "nn/linear.h"

namespace t3video::nn {
namespace {

// [..., width] of x's type.
Tensor rows_like(Context& ctx, const Tensor& x, int64_t width) {
    Shape shape = x.shape();
    shape.set_dim(-1, width);
    return empty(ctx, shape, x.dtype());
}

}  // namespace

// The adapter's part comes first, so that bias and activation stay part of the large product.
Tensor Linear::forward(Context& ctx, const Tensor& x, ops::Activation activation) const {
    if (!adapter) return ops::linear(ctx, x, weight, has_bias ? &bias.tensor() : nullptr, activation);
    Tensor y = rows_like(ctx, x, out());
    forward_into(ctx, x, y, activation);
    return y;
}

void Linear::forward_into(Context& ctx, const Tensor& x, Tensor& y, ops::Activation activation, Tensor* before) const {
    if (adapter) ops::product_into(ctx, ops::linear(ctx, x, adapter->a), adapter->b, {.factor = adapter->scale}, y);
    ops::linear_into(ctx, x, weight, has_bias ? &bias.tensor() : nullptr, activation, y, adapter.has_value(), before);
}

Tensor Linear::backward(Context& ctx, const Tensor& x, const Tensor& dy) const {
    Tensor dx = rows_like(ctx, dy, in());
    backward_into(ctx, x, dy, false, dx);
    return dx;
}

void Linear::backward_into(Context& ctx, const Tensor& x, const Tensor& dy, bool add, Tensor& dx,
                           const Tensor* before) const {
    if (adapter) {
        const Tensor narrow = adapter_gradients(ctx, x, dy);
        ops::linear_backward_into(ctx, narrow, adapter->a, {.add = add}, dx);
    }
    ops::linear_backward_into(ctx, dy, weight, {.add = add || adapter}, dx, before);
    weight_gradients(ctx, x, dy);
}

void Linear::add_gradients(Context& ctx, const Tensor& x, const Tensor& dy) const {
    if (adapter) adapter_gradients(ctx, x, dy);
    weight_gradients(ctx, x, dy);
}

void Linear::weight_gradients(Context& ctx, const Tensor& x, const Tensor& dy) const {
    if (Tensor* d = weight.gradient()) ops::add_weight_gradient(ctx, dy, x, 1.0f, *d);
    if (Tensor* d = has_bias ? bias.gradient() : nullptr) ops::add_column_sums(ctx, dy, *d);
}

Tensor Linear::adapter_gradients(Context& ctx, const Tensor& x, const Tensor& dy) const {
    Tensor narrow = rows_like(ctx, dy, adapter->a.shape[0]);
    ops::linear_backward_into(ctx, dy, adapter->b, {.factor = adapter->scale}, narrow);
    if (Tensor* d = adapter->a.gradient()) ops::add_weight_gradient(ctx, narrow, x, 1.0f, *d);
    if (Tensor* d = adapter->b.gradient())
        ops::add_weight_gradient(ctx, dy, ops::linear(ctx, x, adapter->a), adapter->scale, *d);
    return narrow;
}

}  // namespace t3video::nn
