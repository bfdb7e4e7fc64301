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

Tensor Linear::forward(Context& ctx, const Tensor& x, ops::Activation activation, Saved* saved) const {
    Tensor y = rows_like(ctx, x, out());
    forward_into(ctx, x, y, activation, saved);
    return y;
}

// The adapter's part comes first, so that bias and activation stay part of the large product.
void Linear::forward_into(Context& ctx, const Tensor& x, Tensor& y, ops::Activation activation, Saved* saved) const {
    Tensor narrow;
    if (adapter) {
        narrow = ops::linear(ctx, x, adapter->a);
        ops::product_into(ctx, narrow, adapter->b, {.factor = adapter->scale}, y);
    }
    ops::linear_into(ctx, x, weight, has_bias ? &bias.tensor() : nullptr, activation, y, adapter.has_value());
    if (saved) *saved = {x, narrow};
}

Tensor Linear::backward(Context& ctx, const Saved& saved, const Tensor& dy) const {
    Tensor dx = rows_like(ctx, dy, in());
    backward_into(ctx, saved, dy, false, dx);
    return dx;
}

void Linear::backward_into(Context& ctx, const Saved& saved, const Tensor& dy, bool add, Tensor& dx) const {
    if (adapter) {
        const Tensor dnarrow = adapter_gradients(ctx, saved, dy);
        ops::linear_backward_into(ctx, dnarrow, adapter->a, {.add = add}, dx);
    }
    ops::linear_backward_into(ctx, dy, weight, {.add = add || adapter}, dx);
    weight_gradients(ctx, saved.x, dy);
}

void Linear::add_gradients(Context& ctx, const Saved& saved, const Tensor& dy) const {
    if (adapter) adapter_gradients(ctx, saved, dy);
    weight_gradients(ctx, saved.x, dy);
}

void Linear::weight_gradients(Context& ctx, const Tensor& x, const Tensor& dy) const {
    if (Tensor* d = weight.gradient()) ops::add_weight_gradient(ctx, dy, x, 1.0f, *d);
    if (Tensor* d = has_bias ? bias.gradient() : nullptr) ops::add_column_sums(ctx, dy, *d);
}

Tensor Linear::adapter_gradients(Context& ctx, const Saved& saved, const Tensor& dy) const {
    Tensor dnarrow = rows_like(ctx, dy, adapter->a.shape[0]);
    ops::linear_backward_into(ctx, dy, adapter->b, {.factor = adapter->scale}, dnarrow);
    if (Tensor* d = adapter->a.gradient()) ops::add_weight_gradient(ctx, dnarrow, saved.x, 1.0f, *d);
    if (Tensor* d = adapter->b.gradient()) {
        const Tensor narrow = saved.narrow.defined() ? saved.narrow : ops::linear(ctx, saved.x, adapter->a);
        ops::add_weight_gradient(ctx, dy, narrow, adapter->scale, *d);
    }
    return dnarrow;
}

}  // namespace t3video::nn
