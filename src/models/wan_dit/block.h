// One block of the Wan diffusion transformer.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "models/wan_dit/config.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/residual_linear.h"
#include "t3/self_attention.h"

namespace t3video::models {

// Rows of one prompt.
struct PromptRows {
    int64_t rows = 0;
    int64_t last_rows = 1;  // the last row stands for so many identical ones

    friend bool operator==(const PromptRows&, const PromptRows&) = default;
};

// Keys and values of the prompts of a stream's samples for one layer, computed once per prompt.
struct TextKeys {
    Tensor k, v;  // [rows, dim], one prompt behind another
    std::vector<PromptRows> prompts;
};

// Where some rows of a stream lie whose samples have `period` rows each; of one sample it does not matter.
struct StreamRows {
    int64_t first = 0, period = 0;
};

// Cross-attention to the text: no rotation, no mask.
struct CrossAttention : nn::AttentionWeights {
    using AttentionWeights::AttentionWeights;

    // What a backward needs.
    struct Saved {
        nn::Linear::Saved to_q, to_o;
        Tensor raw_q, q;  // before and behind its norm
    };

    // text: [rows, dim] after the text embedding, of these prompts one behind another.
    TextKeys keys(Context& ctx, const Tensor& text, std::vector<PromptRows> prompts) const;
    // Up to the output projection; each row sees its sample's prompt.
    Tensor attend(Context& ctx, const Tensor& x, const TextKeys& text, const StreamRows& place,
                  Saved* saved = nullptr) const;

    // Of all of it: dx; dtext, f32, is added to.
    Tensor backward(Context& ctx, const Saved& saved, const Tensor& dy, const TextKeys& text, const StreamRows& place,
                    TextKeys& dtext) const;
    // The gradient of `text`, [rows, dim] of its type, from that of its keys and values.
    Tensor keys_backward(Context& ctx, const Tensor& text, const TextKeys& d) const;

  private:
    // f(first of n rows, last, first of the text's rows, last, options) for each prompt that some of the rows see.
    template <class F>
    void for_each_prompt(int64_t n, const TextKeys& text, const StreamRows& place, F&& f) const;
};

struct FeedForward {
    FeedForward() = default;
    explicit FeedForward(const DitConfig& c) : expand(c.dim, c.ffn_dim), contract(c.ffn_dim, c.dim) {}

    // What a backward needs.
    struct Saved {
        nn::Linear::Saved to_expand, to_contract;
        Tensor expanded;
    };

    // Up to the second map.
    Tensor widen(Context& ctx, const Tensor& x) const { return expand.forward(ctx, x, ops::Activation::gelu_tanh); }
    // The same with what a backward needs; it does not need the second map's result.
    Saved half_forward(Context& ctx, const Tensor& x) const;
    // dx
    Tensor backward(Context& ctx, const Saved& saved, const Tensor& dy) const;

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        expand.for_each_param(prefix + "0.", visit);
        contract.for_each_param(prefix + "2.", visit);
    }
    template <class Visitor>
    void for_each_linear(const std::string& prefix, Visitor&& visit) {
        expand.for_each_linear(prefix + "0.", visit);
        contract.for_each_linear(prefix + "2.", visit);
    }

    nn::Linear expand, contract;
};

struct BlockInput {
    Tensor modulation;    // [sets, 6*dim]: the projected timesteps
    ops::TokenSets sets;  // a sample has two where a first frame is clean
    const ops::RopeTable& rope;
    const t3::LayerWindows& windows;
    const Tensor* order = nullptr;  // the token of each row that the windows count, [tokens] i64; null: rows are tokens
    const TextKeys& text;
};

// Of one block, [sets, dim] f32 each, in the order of the projected timestep.
struct Modulation {
    Tensor shift1, scale1, gate1, shift2, scale2, gate2;
    ops::TokenSets sets;
};

// The maps whose results a block adds to its stream, with their gates.
struct Additions {
    nn::ResidualLinear self, cross, feed;
};

// What a block's backward adds to beside the gradients of its parameters, f32. Undefined where nobody asks.
struct BlockGradients {
    Tensor modulation;  // [6*sets, dim]: of all sets' first rows, then of their second
    TextKeys text;
};

struct Block {
    Block() = default;
    explicit Block(const DitConfig& c)
        : self_attn(c.dim, c.heads, c.eps),
          cross_attn(c.dim, c.heads, c.eps),
          norm3(c.dim, c.eps),
          ffn(c),
          modulation(Shape{1, 6, c.dim}, nn::Role::scale),
          eps(c.eps) {}

    // x: [tokens, dim] f32, the residual stream, updated in place.
    void forward(Context& ctx, Tensor& x, const BlockInput& in) const;

    // Its two phases, each of any rows of x: queries, keys and values of x, which become rows `first` and on;
    void before_attention(Context& ctx, const ops::Rows& x, int64_t first, const Modulation& m, const BlockInput& in,
                          t3::SelfAttention::Inputs& inputs) const;
    // what follows attention, with the rows' results `attended`: [n, dim].
    void after_attention(Context& ctx, ops::Rows& x, const Tensor& attended, const Modulation& m,
                         const Additions& added, const BlockInput& in) const;
    Modulation modulation_of(Context& ctx, const BlockInput& in) const;
    // For a stream of so many tokens. Refers to the block and to m.
    Additions additions(Context& ctx, const Modulation& m, int64_t tokens) const;

    // The gradient dx of the stream behind the block, [tokens, dim] f32, becomes that of x, the stream in front of it:
    // f32 or of the compute type. All that lies between is computed again from x, by the forward's own ops; only
    // attention keeps more than a slice of it. `deterministic`: as ops::window_attention_backward.
    void backward(Context& ctx, const Tensor& x, Tensor& dx, const BlockInput& in, BlockGradients& d,
                  bool deterministic) const;

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        visit(prefix + "modulation", modulation);
        self_attn.for_each_param(prefix + "self_attn.", visit);
        cross_attn.for_each_param(prefix + "cross_attn.", visit);
        norm3.for_each_param(prefix + "norm3.", visit);
        ffn.for_each_param(prefix + "ffn.", visit);
    }
    template <class Visitor>
    void for_each_linear(const std::string& prefix, Visitor&& visit) {
        self_attn.for_each_linear(prefix + "self_attn.", visit);
        cross_attn.for_each_linear(prefix + "cross_attn.", visit);
        ffn.for_each_linear(prefix + "ffn.", visit);
    }

    t3::SelfAttention self_attn;
    CrossAttention cross_attn;
    nn::LayerNorm norm3;
    FeedForward ffn;
    nn::Param modulation;
    float eps = 1e-6f;

  private:
    // What both phases of a backward share: gradients of m are added to `dm`, where it has some.
    struct Backward {
        const BlockInput& in;
        const Modulation& m;
        Modulation& dm;
        TextKeys& dtext;
    };
    // Of rows x, and the same rows dx of the gradient: the backward of both phases. The former takes the gradient of
    // attention's inputs, the latter writes that of its result.
    void before_attention_backward(Context& ctx, const ops::Rows& x, ops::Rows& dx, int64_t first, const Backward& b,
                                   const t3::SelfAttention::Inputs& inputs, ops::AttentionGradients& d) const;
    void after_attention_backward(Context& ctx, const ops::Rows& x, ops::Rows& dx, const Tensor& attended,
                                  Tensor& dattended, const Backward& b) const;
};

}  // namespace t3video::models
