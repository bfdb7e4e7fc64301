// A weight of a layer: the shape it must have and, once loaded, its value in the stored type.
#pragma once

#include "tensor/tensor.h"

namespace t3video::nn {

struct Param {
    Param() = default;
    explicit Param(Shape expected) : shape(expected) {}

    Shape shape;   // expected; loaders check against it
    Tensor value;  // f32, f16 or bf16; usually a view of a mapped file
};

}  // namespace t3video::nn
