// The text encoder's forward pass.
#include "models/umt5/model.h"

#include <cstdlib>

#include "checkpoint/gguf/gguf.h"
#include "checkpoint/load.h"
#include "checkpoint/single_file.h"
#include "ops/attention.h"
#include "ops/convert.h"
#include "ops/elementwise.h"
#include "ops/layout.h"

namespace t3video::models {
namespace {

constexpr float kEps = 1e-6f;

// Bucket of a relative position (key - query) among 32: half for each direction; distances 0..7 have their own, larger
// ones share logarithmically wider buckets up to 128. Exact thresholds instead of logarithms.
int64_t position_bucket(int64_t relative) {
    constexpr int64_t kThresholds[] = {12, 16, 23, 32, 46, 64, 91};  // first distance of buckets 9..15
    const int64_t base = relative > 0 ? 16 : 0, distance = std::abs(relative);
    if (distance < 8) return base + distance;
    int64_t bucket = 8;
    for (const int64_t threshold : kThresholds) bucket += distance >= threshold;
    return base + bucket;
}

// [heads, 2n-1]: entry r + n - 1 is the bias of relative position r.
Tensor relative_bias(Context& ctx, const nn::Param& table, int64_t tokens) {
    std::vector<int64_t> buckets;
    for (int64_t r = 1 - tokens; r < tokens; ++r) buckets.push_back(position_bucket(r));
    return ops::transpose(ctx, ops::gather_rows(ctx, table.tensor(), buckets));
}

}  // namespace

Umt5Layer::Umt5Layer(const Umt5Config& c)
    : norm1(c.dim, kEps),
      norm2(c.dim, kEps),
      q(c.dim, c.inner_dim, false),
      k(c.dim, c.inner_dim, false),
      v(c.dim, c.inner_dim, false),
      o(c.inner_dim, c.dim, false),
      gate(c.dim, c.ffn_dim, false),
      fc1(c.dim, c.ffn_dim, false),
      fc2(c.ffn_dim, c.dim, false),
      position_bias(Shape{c.buckets, c.heads}, nn::Role::scale) {}

Tensor Umt5Layer::forward(Context& ctx, const Tensor& x) const {
    Tensor h = norm1.forward(ctx, x);
    const Tensor bias = relative_bias(ctx, position_bias, x.dim(0));
    h = ops::attention(ctx, q.forward(ctx, h), k.forward(ctx, h), v.forward(ctx, h),
                       {.heads = position_bias.shape[1], .scale = 1.0f, .relative_bias = &bias});
    const Tensor y = ops::add(ctx, x, o.forward(ctx, h));

    h = norm2.forward(ctx, y);
    h = ops::mul(ctx, fc1.forward(ctx, h), gate.forward(ctx, h, ops::Activation::gelu_tanh));
    return ops::add(ctx, y, fc2.forward(ctx, h));
}

Umt5::Umt5(const Umt5Config& c)
    : config_(c),
      token_embedding_(Shape{c.vocabulary, c.dim}, nn::Role::table),
      layers_(std::vector<Umt5Layer>(static_cast<size_t>(c.layers), Umt5Layer(c))),
      norm_(c.dim, kEps) {}

Umt5 Umt5::load(const std::filesystem::path& weights, checkpoint::Notes* notes) {
    auto source = checkpoint::open_network(weights, checkpoint::Network::text_encoder, notes);
    if (source.contains("shared.weight"))
        source.tensors.erase("encoder.embed_tokens.weight");  // the same table, stored twice
    source = checkpoint::rename(std::move(source), official_umt5_name);
    std::map<std::string, Shape> shapes;
    for (const auto& [name, stored] : source.tensors) shapes[name] = stored.tensor.shape();
    Umt5 model(infer_umt5_config(shapes, checkpoint::origin_of(source)));
    checkpoint::load_params(model, source);
    return model;
}

Tensor Umt5::forward(Context& ctx, std::span<const int64_t> ids) const {
    Tensor x = ops::gather_rows(ctx, token_embedding_.value, ids);
    const size_t n = layers_.size();
    for (size_t i = 0; i < n; ++i) x = layers_.at(ctx, i, (i + 1) % n).forward(ctx, x);
    return ops::convert(ctx, norm_.forward(ctx, x), DType::f32);
}

}  // namespace t3video::models
