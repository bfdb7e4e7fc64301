// diffusers names and official names. Shapes agree; only names differ.
#include "models/wan_dit/names.h"

#include <string_view>
#include <utility>

namespace t3video::models {
namespace {

using Rename = std::pair<std::string_view, std::string_view>;  // prefix, or whole name: diffusers, official

constexpr Rename kTop[] = {
    {"condition_embedder.text_embedder.linear_1.", "text_embedding.0."},
    {"condition_embedder.text_embedder.linear_2.", "text_embedding.2."},
    {"condition_embedder.time_embedder.linear_1.", "time_embedding.0."},
    {"condition_embedder.time_embedder.linear_2.", "time_embedding.2."},
    {"condition_embedder.time_proj.", "time_projection.1."},
    {"condition_embedder.image_embedder.norm1.", "img_emb.proj.0."},
    {"condition_embedder.image_embedder.ff.net.0.proj.", "img_emb.proj.1."},
    {"condition_embedder.image_embedder.ff.net.2.", "img_emb.proj.3."},
    {"condition_embedder.image_embedder.norm2.", "img_emb.proj.4."},
    {"condition_embedder.image_embedder.pos_embed", "img_emb.emb_pos"},
    {"scale_shift_table", "head.modulation"},
    {"proj_out.", "head.head."},
};

constexpr Rename kInBlock[] = {
    {"scale_shift_table", "modulation"},
    {"attn1.to_q.", "self_attn.q."},
    {"attn1.to_k.", "self_attn.k."},
    {"attn1.to_v.", "self_attn.v."},
    {"attn1.to_out.0.", "self_attn.o."},
    {"attn1.norm_q.", "self_attn.norm_q."},
    {"attn1.norm_k.", "self_attn.norm_k."},
    {"attn2.to_q.", "cross_attn.q."},
    {"attn2.to_k.", "cross_attn.k."},
    {"attn2.to_v.", "cross_attn.v."},
    {"attn2.to_out.0.", "cross_attn.o."},
    {"attn2.norm_q.", "cross_attn.norm_q."},
    {"attn2.norm_k.", "cross_attn.norm_k."},
    {"attn2.add_k_proj.", "cross_attn.k_img."},
    {"attn2.add_v_proj.", "cross_attn.v_img."},
    {"attn2.norm_added_k.", "cross_attn.norm_k_img."},
    {"norm2.", "norm3."},  // diffusers numbers the norms in call order
    {"ffn.net.0.proj.", "ffn.0."},
    {"ffn.net.2.", "ffn.2."},
};

template <size_t N>
std::string renamed(const Rename (&table)[N], std::string_view name, bool to_official) {
    for (const auto& [diffusers, official] : table) {
        const std::string_view from = to_official ? diffusers : official, to = to_official ? official : diffusers;
        if (name.starts_with(from)) return std::string(to) + std::string(name.substr(from.size()));
    }
    return {};
}

std::string other_name(const std::string& name, bool to_official) {
    if (!name.starts_with("blocks.")) return renamed(kTop, name, to_official);
    const size_t dot = name.find('.', 7);
    if (dot == std::string::npos) return {};
    const std::string inner = renamed(kInBlock, std::string_view(name).substr(dot + 1), to_official);
    return inner.empty() ? std::string() : name.substr(0, dot + 1) + inner;
}

}  // namespace

std::string official_dit_name(const std::string& name) {
    return other_name(name, true);
}

std::string diffusers_dit_name(const std::string& name) {
    return other_name(name, false);
}

std::map<std::string, Shape> image_branch_shapes(const DitConfig& config, const std::map<std::string, Shape>& shapes) {
    const auto first = shapes.find("img_emb.proj.0.weight");
    const int64_t clip = first == shapes.end() ? 0 : first->second.numel(), dim = config.dim;
    std::map<std::string, Shape> extra = {
        {"img_emb.proj.0.weight", {clip}},       {"img_emb.proj.0.bias", {clip}},
        {"img_emb.proj.1.weight", {clip, clip}}, {"img_emb.proj.1.bias", {clip}},
        {"img_emb.proj.3.weight", {dim, clip}},  {"img_emb.proj.3.bias", {dim}},
        {"img_emb.proj.4.weight", {dim}},        {"img_emb.proj.4.bias", {dim}},
    };
    if (shapes.contains("img_emb.emb_pos")) extra["img_emb.emb_pos"] = {1, 514, clip};
    for (int64_t layer = 0; layer < config.layers; ++layer) {
        const std::string prefix = "blocks." + std::to_string(layer) + ".cross_attn.";
        extra[prefix + "k_img.weight"] = extra[prefix + "v_img.weight"] = {dim, dim};
        extra[prefix + "k_img.bias"] = extra[prefix + "v_img.bias"] = extra[prefix + "norm_k_img.weight"] = {dim};
    }
    return extra;
}

}  // namespace t3video::models
