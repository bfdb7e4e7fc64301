// Learned normalisations over the last axis.
#pragma once

#include <string>

#include "nn/param.h"
#include "ops/norm.h"

namespace t3video::nn {

struct RmsNorm {
    RmsNorm() = default;
    RmsNorm(int64_t width, float epsilon) : weight(Shape{width}, Role::scale), eps(epsilon) {}

    Tensor forward(Context& ctx, const Tensor& x) const { return ops::rms_norm(ctx, x, weight.tensor(), eps); }
    // Of the input of forward: dx, of dy's type.
    Tensor backward(Context& ctx, const Tensor& x, const Tensor& dy) const {
        return ops::rms_norm_backward(ctx, x, weight.tensor(), eps, dy, weight.gradient());
    }

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        visit(prefix + "weight", weight);
    }

    Param weight;
    float eps = 1e-6f;
};

struct LayerNorm {
    LayerNorm() = default;
    LayerNorm(int64_t width, float epsilon)
        : weight(Shape{width}, Role::scale), bias(Shape{width}, Role::scale), eps(epsilon) {}

    Tensor forward(Context& ctx, const Tensor& x) const {
        return ops::layer_norm(ctx, x, weight.tensor(), bias.tensor(), eps);
    }

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        visit(prefix + "weight", weight);
        visit(prefix + "bias", bias);
    }

    Param weight, bias;
    float eps = 1e-6f;
};

}  // namespace t3video::nn
