// linear: shapes and dispatch.
#include "ops/linear.h"

#include <limits>

#include "cpu/linear.h"
#include "cuda/column_sums.h"
#include "cuda/linear.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Tensor linear(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, Activation activation) {
    require(x.rank() >= 1 && weight.shape().rank() >= 2, "linear: weight ", weight.shape(), " for x ", x.shape());
    Shape shape = x.shape();
    shape.set_dim(-1, weight.shape()[0]);
    Tensor y = empty(ctx, shape, x.dtype());
    linear_into(ctx, x, weight, bias, activation, y);
    return y;
}

void linear_into(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, Activation activation,
                 Tensor& y, bool add) {
    const Shape& w = weight.shape();
    require(x.rank() >= 1 && w.rank() >= 2 && w[0] * x.dim(-1) == w.numel(), "linear: weight ", w, " for x ",
            x.shape());
    require(!bias || bias->numel() == w[0], "linear: bias ", bias ? bias->shape() : Shape(), " for weight ", w);
    require(y.dtype() == x.dtype() && y.dim(-1) == w[0] && y.numel() / w[0] * x.dim(-1) == x.numel(), "linear: y ",
            y.shape(), " of ", y.dtype(), " for x ", x.shape(), " of ", x.dtype());
    if (y.numel() == 0) return;
    const Prepared matrix = weight.prepared(ctx, Role::matrix);
    dispatch(
        ctx, {.matrix = 2.0 * double(y.numel()) * double(x.dim(-1))},
        [&] { cpu::linear(ctx, x, matrix, bias, activation, y, add); },
        [&] { cuda::linear(ctx, x, matrix.blobs[0], bias, activation, y, add); });
}

void product_into(Context& ctx, const Tensor& x, const Weight& weight, const Into& into, Tensor& y) {
    const Shape& w = weight.shape();
    require(w.rank() >= 2 && w[0] * x.dim(-1) == w.numel() && y.dtype() == x.dtype() && y.dim(-1) == w[0] &&
                y.numel() / w[0] * x.dim(-1) == x.numel(),
            "product_into: weight ", w, ", y ", y.shape(), " of ", y.dtype(), " for x ", x.shape(), " of ", x.dtype());
    if (y.numel() == 0) return;
    const Prepared matrix = weight.prepared(ctx, Role::matrix);
    dispatch(
        ctx, {.matrix = 2.0 * double(y.numel()) * double(x.dim(-1))},
        [&] { cpu::product_into(ctx, x, matrix, into, y); },
        [&] { cuda::product_into(ctx, x, matrix.blobs[0], into, y); });
}

bool adds_products(const Context& ctx, int64_t rows, int64_t out) {
    return ctx.target() != Device::cpu && cuda::adds_products(ctx.traits(), ctx.compute_type(), rows, out);
}

GatedProduct fold_gate(Context& ctx, const Weight& weight, const Tensor* bias, const Tensor* gate) {
    const Shape& w = weight.shape();
    require(w.rank() >= 2 && (!bias || bias->numel() == w[0]) &&
                (!gate || (gate->shape() == Shape{1, w[0]} && gate->dtype() == DType::f32)) &&
                adds_products(ctx, std::numeric_limits<int32_t>::max(), w[0]),
            "fold_gate: weight ", w, ", bias ", bias ? bias->shape() : Shape(), ", gate ",
            gate ? gate->shape() : Shape());
    const Prepared matrix = weight.prepared(ctx, Role::matrix);
    GatedProduct product;
    const double copied = gate ? 2.0 * static_cast<double>(matrix.blobs[0].bytes()) : 0.0;
    dispatch(
        ctx, {.bytes = copied}, [] {}, [&] { cuda::fold_gate(ctx, matrix.blobs[0], bias, gate, product); });
    if (ctx.device() == Device::meta) {
        product.weight = gate ? empty_like(ctx, matrix.blobs[0]) : matrix.blobs[0];
        product.bias = empty(ctx, {w[0]});
    }
    return product;
}

void add_product(Context& ctx, const Tensor& x, const GatedProduct& product, Tensor& y) {
    const Shape& w = product.weight.shape();
    require(x.rank() == 2 && y.rank() == 2 && w[0] == y.dim(1) && w.numel() == w[0] * x.dim(1) &&
                x.dim(0) == y.dim(0) && x.dtype() == product.weight.dtype() && y.dtype() == DType::f32,
            "add_product: weight ", w, " for x ", x.shape(), " of ", x.dtype(), ", y ", y.shape(), " of ", y.dtype());
    if (y.numel() == 0) return;
    dispatch(
        ctx, {.matrix = 2.0 * double(y.numel()) * double(x.dim(1))}, [] {},
        [&] { cuda::add_product(ctx, x, product, y); });
}

void linear_backward_into(Context& ctx, const Tensor& dy, const Weight& weight, const Into& into, Tensor& dx) {
    const Shape& w = weight.shape();
    require(w.rank() >= 2 && dy.dim(-1) == w[0] && dx.dim(-1) * w[0] == w.numel() &&
                dx.numel() / dx.dim(-1) * w[0] == dy.numel() && (dx.dtype() == dy.dtype() || dx.dtype() == DType::f32),
            "linear_backward: weight ", w, ", dx ", dx.shape(), " of ", dx.dtype(), " for dy ", dy.shape(), " of ",
            dy.dtype());
    if (dx.numel() == 0) return;
    const Prepared matrix = weight.prepared(ctx, Role::matrix);
    dispatch(
        ctx, {.matrix = 2.0 * double(dy.numel()) * double(dx.dim(-1))},
        [&] { cpu::linear_backward(ctx, dy, matrix, into, dx); },
        [&] { cuda::linear_backward(ctx, dy, matrix.blobs[0], into, dx); },
        ctx.target() == Device::cpu ? Scratch{} : cuda::linear_backward_scratch(dy, dx, matrix.blobs[0]));
}

void add_weight_gradient(Context& ctx, const Tensor& dy, const Tensor& x, float factor, Tensor& dweight) {
    const int64_t out = dy.dim(-1), in = x.dim(-1), rows = x.numel() / in;
    require(x.dtype() == dy.dtype() && dy.numel() / out == rows, "add_weight_gradient: dy ", dy.shape(), " of ",
            dy.dtype(), " for x ", x.shape(), " of ", x.dtype());
    require(dweight.dtype() == DType::f32 && dweight.numel() == out * in, "add_weight_gradient: dweight ",
            dweight.shape(), " of ", dweight.dtype(), " for dy ", dy.shape(), ", x ", x.shape());
    if (rows == 0) return;
    dispatch(
        ctx, {.matrix = 2.0 * double(rows) * double(out) * double(in)},
        [&] { cpu::add_weight_gradient(ctx, dy, x, factor, dweight); },
        [&] { cuda::add_weight_gradient(ctx, dy, x, factor, dweight); });
}

void add_column_sums(Context& ctx, const Tensor& dy, Tensor& db) {
    require(db.dtype() == DType::f32 && db.numel() == dy.dim(-1), "add_column_sums: db ", db.shape(), " of ",
            db.dtype(), " for dy ", dy.shape());
    dispatch(
        ctx, moved(dy), [&] { cpu::add_column_sums(ctx, dy, db); }, [&] { cuda::add_column_sums(ctx, dy, db); },
        ctx.target() == Device::cpu ? Scratch{} : cuda::column_scratch(ctx.traits(), dy.dim(-1), 1));
}

}  // namespace t3video::ops
