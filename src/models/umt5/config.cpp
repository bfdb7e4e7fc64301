// Sizes and names of the text encoder's tensors.
#include <span>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "models/umt5/model.h"

namespace t3video::models {
namespace {

constexpr std::pair<std::string_view, std::string_view> kTop[] = {
    {"shared.weight", "token_embedding.weight"},
    {"encoder.embed_tokens.weight", "token_embedding.weight"},  // an alias that some files store, alone or besides
    {"encoder.final_layer_norm.weight", "norm.weight"},
    {"token_embd.weight", "token_embedding.weight"},  // GGUF
    {"enc.output_norm.weight", "norm.weight"},
};

constexpr std::pair<std::string_view, std::string_view> kInLayer[] = {
    {"layer.0.layer_norm.weight", "norm1.weight"},
    {"layer.0.SelfAttention.q.weight", "attn.q.weight"},
    {"layer.0.SelfAttention.k.weight", "attn.k.weight"},
    {"layer.0.SelfAttention.v.weight", "attn.v.weight"},
    {"layer.0.SelfAttention.o.weight", "attn.o.weight"},
    {"layer.0.SelfAttention.relative_attention_bias.weight", "pos_embedding.embedding.weight"},
    {"layer.1.layer_norm.weight", "norm2.weight"},
    {"layer.1.DenseReluDense.wi_0.weight", "ffn.gate.0.weight"},
    {"layer.1.DenseReluDense.wi_1.weight", "ffn.fc1.weight"},
    {"layer.1.DenseReluDense.wo.weight", "ffn.fc2.weight"},
};

constexpr std::pair<std::string_view, std::string_view> kInGgufLayer[] = {
    {"attn_norm.weight", "norm1.weight"}, {"attn_q.weight", "attn.q.weight"},
    {"attn_k.weight", "attn.k.weight"},   {"attn_v.weight", "attn.v.weight"},
    {"attn_o.weight", "attn.o.weight"},   {"attn_rel_b.weight", "pos_embedding.embedding.weight"},
    {"ffn_norm.weight", "norm2.weight"},  {"ffn_gate.weight", "ffn.gate.0.weight"},
    {"ffn_up.weight", "ffn.fc1.weight"},  {"ffn_down.weight", "ffn.fc2.weight"},
};

// "PREFIXn.INNER" -> "blocks.n.OFFICIAL"; empty where name or inner name is another.
std::string layer_name(const std::string& name, std::string_view prefix,
                       std::span<const std::pair<std::string_view, std::string_view>> inner) {
    if (!name.starts_with(prefix)) return {};
    const size_t dot = name.find('.', prefix.size());
    if (dot == std::string::npos) return {};
    for (const auto& [from, to] : inner) {
        if (std::string_view(name).substr(dot + 1) == from)
            return "blocks." + name.substr(prefix.size(), dot - prefix.size()) + "." + std::string(to);
    }
    return {};
}

const Shape& shape_of(const std::map<std::string, Shape>& shapes, const std::string& name, const std::string& origin) {
    const auto found = shapes.find(name);
    require_valid(found != shapes.end(), origin, ": tensor '", name, "' is missing; this is not a UMT5 text encoder");
    require_valid(found->second.rank() == 2, origin, ": tensor '", name, "' has shape ", found->second,
                  ", expected a matrix");
    return found->second;
}

}  // namespace

std::string official_umt5_name(const std::string& name) {
    for (const auto& [from, to] : kTop) {
        if (name == from) return std::string(to);
    }
    const std::string known = layer_name(name, "encoder.block.", kInLayer);
    return known.empty() ? layer_name(name, "enc.blk.", kInGgufLayer) : known;
}

Umt5Config infer_umt5_config(const std::map<std::string, Shape>& shapes, const std::string& origin) {
    Umt5Config c;
    const Shape embedding = shape_of(shapes, "token_embedding.weight", origin);
    const Shape positions = shape_of(shapes, "blocks.0.pos_embedding.embedding.weight", origin);
    c.vocabulary = embedding[0];
    c.dim = embedding[1];
    c.buckets = positions[0];
    c.heads = positions[1];
    c.inner_dim = shape_of(shapes, "blocks.0.attn.q.weight", origin)[0];
    c.ffn_dim = shape_of(shapes, "blocks.0.ffn.fc1.weight", origin)[0];
    while (shapes.contains("blocks." + std::to_string(c.layers) + ".norm1.weight")) ++c.layers;
    require_valid(c.buckets == 32, origin, ": ", c.buckets, " relative position buckets, expected 32");
    require_valid(c.heads > 0 && c.inner_dim % c.heads == 0, origin, ": ", c.heads,
                  " heads do not divide an inner width of ", c.inner_dim);
    return c;
}

}  // namespace t3video::models
