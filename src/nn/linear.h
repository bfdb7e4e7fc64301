// A learned linear map, and the adapter that trains beside it.
#pragma once

#include <optional>
#include <string>

#include "nn/param.h"
#include "ops/linear.h"

namespace t3video::nn {

// y += scale * B A x, after "LoRA: Low-Rank Adaptation of Large Language Models" (Hu et al.); scale = alpha / rank.
struct LowRank {
    LowRank(int64_t in, int64_t out, int64_t rank, float alpha)
        : a(Shape{rank, in}, Role::matrix),
          b(Shape{out, rank}, Role::matrix),
          scale(alpha / static_cast<float>(rank)) {}

    Param a, b;
    float scale;
};

struct Linear {
    Linear() = default;
    Linear(int64_t in, int64_t out, bool with_bias = true) : Linear(Shape{out, in}, with_bias) {}
    // A weight stored with more axes, such as a patch embedding's [out, channels, 1, 2, 2].
    Linear(Shape stored, bool with_bias)
        : weight(stored, Role::matrix), bias(Shape{stored.dim(0)}, Role::bias), has_bias(with_bias) {}

    // What a backward needs. Given the input alone, it computes the rest again.
    struct Saved {
        Tensor x;
        Tensor narrow = {};  // of an adapter: x A^T, [..., rank]
    };

    // x: [..., in] -> [..., out]
    Tensor forward(Context& ctx, const Tensor& x, ops::Activation activation = ops::Activation::none,
                   Saved* saved = nullptr) const;
    // The same into y, [..., out] of x's type.
    void forward_into(Context& ctx, const Tensor& x, Tensor& y, ops::Activation activation = ops::Activation::none,
                      Saved* saved = nullptr) const;

    // Backward of y = x W^T + b + scale (x A^T) B^T, without an activation, for dy: [..., out] of x's type:
    //     dx = dy W + scale (dy B) A,    dW += dy^T x,    db += sum of rows of dy,
    //     dA += scale (dy B)^T x,        dB += scale dy^T (x A^T)
    Tensor backward(Context& ctx, const Saved& saved, const Tensor& dy) const;
    // dx, [..., in] of dy's type or f32, is written, or added to.
    void backward_into(Context& ctx, const Saved& saved, const Tensor& dy, bool add, Tensor& dx) const;
    // Of the parameters alone.
    void add_gradients(Context& ctx, const Saved& saved, const Tensor& dy) const;

    bool trained() const { return weight.gradient() || (has_bias && bias.gradient()) || adapter; }
    int64_t in() const { return weight.shape.numel() / weight.shape[0]; }
    int64_t out() const { return weight.shape[0]; }

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        visit(prefix + "weight", weight);
        if (has_bias) visit(prefix + "bias", bias);
        if (!adapter) return;
        visit(prefix + "lora_A.weight", adapter->a);
        visit(prefix + "lora_B.weight", adapter->b);
    }

    // The layer itself, by its name: `prefix` without the dot at its end.
    template <class Visitor>
    void for_each_linear(const std::string& prefix, Visitor&& visit) {
        visit(prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1), *this);
    }

    Param weight, bias;
    bool has_bias = true;
    std::optional<LowRank> adapter;

  private:
    void weight_gradients(Context& ctx, const Tensor& x, const Tensor& dy) const;
    // Returns scale * dy B, [..., rank].
    Tensor adapter_gradients(Context& ctx, const Saved& saved, const Tensor& dy) const;
};

}  // namespace t3video::nn
