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
    Linear(Shape stored, bool with_bias) : weight(stored), bias(Shape{stored.dim(0)}), has_bias(with_bias) {}

    // x: [..., in] -> [..., out]
    Tensor forward(Context& ctx, const Tensor& x, ops::Activation activation = ops::Activation::none) const {
        return ops::linear(ctx, x, matrix(), has_bias ? &bias.value : nullptr, activation);
    }

    // The same into y, [..., out] of x's type.
    void forward_into(Context& ctx, const Tensor& x, Tensor& y) const {
        ops::linear_into(ctx, x, matrix(), has_bias ? &bias.value : nullptr, ops::Activation::none, y);
    }

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        visit(prefix + "weight", weight);
        if (has_bias) visit(prefix + "bias", bias);
    }

    Param weight, bias;
    bool has_bias = true;

  private:
    // The weight as [out, in].
    Tensor matrix() const {
        const int64_t out = weight.shape.dim(0);
        return weight.value.reshape({out, weight.shape.numel() / out});
    }
};

}  // namespace t3video::nn
