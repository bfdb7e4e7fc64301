// A learned linear map.
#pragma once

#include <string>

#include "nn/param.h"
#include "ops/linear.h"

namespace t3video::nn {

struct Linear {
    Linear() = default;
    Linear(int64_t in, int64_t out, bool with_bias = true) : Linear(Shape{out, in}, with_bias) {}
    // A weight stored with more axes, such as a patch embedding's [out, channels, 1, 2, 2].
    Linear(Shape stored, bool with_bias)
        : weight(stored, Role::matrix), bias(Shape{stored.dim(0)}, Role::bias), has_bias(with_bias) {}

    // x: [..., in] -> [..., out]
    Tensor forward(Context& ctx, const Tensor& x, ops::Activation activation = ops::Activation::none) const {
        return ops::linear(ctx, x, weight, has_bias ? &bias.tensor() : nullptr, activation);
    }

    // The same into y, [..., out] of x's type.
    void forward_into(Context& ctx, const Tensor& x, Tensor& y) const {
        ops::linear_into(ctx, x, weight, has_bias ? &bias.tensor() : nullptr, ops::Activation::none, y);
    }

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        visit(prefix + "weight", weight);
        if (has_bias) visit(prefix + "bias", bias);
    }

    Param weight, bias;
    bool has_bias = true;
};

}  // namespace t3video::nn
