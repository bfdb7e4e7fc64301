// A weight of a layer: the shape it must have, once loaded what the file holds of it, once prepared what ops read, and
// while it is trained its gradient. Backward passes of layers add to gradients of parameters, and return gradients of
// activations.
#pragma once

#include "ops/prepare.h"

namespace t3video::nn {

using ops::Role;

struct Param {
    Param() = default;
    Param(Shape expected, Role used_as) : shape(expected), role(used_as) {}

    // Of a product: prepared, or for one call to prepare.
    operator ops::Weight() const {  // NOLINT(google-explicit-constructor)
        return prepared.defined() ? ops::Weight(prepared) : ops::Weight(value.reshape(shape));
    }
    // Of anything else: numbers, where ops read them.
    const Tensor& tensor() const { return prepared.defined() ? prepared.blobs[0] : value.numbers(); }

    // Null while frozen. Of a constant layer, too: what it computes stays the same.
    Tensor* gradient() const { return grad.defined() ? &grad : nullptr; }

    Shape shape;  // expected; loaders check against it
    Role role = Role::matrix;
    Stored value;
    ops::Prepared prepared;
    mutable Tensor grad;  // f32 of `shape`, where ops compute; undefined: frozen
};

// Starts training: the value becomes f32 numbers of the parameter's own, which ops read as they are or rounded to the
// compute type, and the gradient zeros.
void make_trainable(Context& ctx, Param& param);

inline void prepare(Context& ctx, Param& param, ops::Uses uses = ops::Uses::few) {
    param.prepared = ops::prepare(ctx, param.value, param.role, uses);
}

// Prepares the weight in the memory of a GPU. On the CPU it stays as stored, to be prepared call by call.
inline void make_resident(Context& ctx, Param& param) {
    if (ctx.target() == Device::cpu || param.role == Role::table || param.prepared.defined()) return;
    prepare(ctx, param);
    // A value that was made on the device is not needed beside its prepared form.
    if (!param.value.encoding() && param.value.numbers().device() == ctx.device()) param.value = {};
}

// The model with all of its weights resident on the context's device; the weights of `model` are as before.
template <class Model>
Model resident(Context& ctx, Model model) {
    model.for_each_param("", [&](const auto&, Param& param) { make_resident(ctx, param); });
    return model;
}

}  // namespace t3video::nn
