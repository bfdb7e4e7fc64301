// A weight of a layer: the shape it must have and, once loaded, its value in the stored type.
#pragma once

#include "tensor/tensor.h"

namespace t3video::nn {

// What a weight is used for decides in which type, and where, a GPU keeps it.
enum class Role {
    product,  // matrix products and convolutions, with their biases: the context's compute type
    scale,    // norms and modulation: f32
    table,    // few rows are read: stays in host memory as stored
};

struct Param {
    Param() = default;
    explicit Param(Shape expected, Role used_as = Role::product) : shape(expected), role(used_as) {}

    // Of a linear layer.
    bool is_matrix() const { return role == Role::product && shape.rank() == 2; }

    Shape shape;  // expected; loaders check against it
    Role role = Role::product;
    Tensor value;           // f32, f16, bf16 or a matrix of DType::encoded; usually a view of a mapped file
    bool streamed = false;  // stays where it is, and goes to the device for each use: nn/layer_store.h
};

// The type in which a context computes with the value.
DType device_type(const Context& ctx, const Param& param);

// Moves the value to the context's device. On the CPU it stays as it is.
void place(Context& ctx, Param& param);

// The model with all of its weights on the context's device; `model` keeps its own.
template <class Model>
Model placed(Context& ctx, Model model) {
    model.for_each_param("", [&](const auto&, Param& param) { place(ctx, param); });
    return model;
}

}  // namespace t3video::nn
