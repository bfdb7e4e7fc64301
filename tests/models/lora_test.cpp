// LoRA files on the small transformers: each style against a model file into which the update was merged beforehand.
#include "checkpoint/lora/lora.h"

#include <gtest/gtest.h>

#include "models/wan_dit/model.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace t3video::models {
namespace {

using namespace testing;
using Tensors = std::map<std::string, Tensor>;

const std::filesystem::path kModel = T3VIDEO_TEST_DATA "/golden/wan21-tiny/model";
const std::filesystem::path kWeights = kModel / "diffusion_pytorch_model.safetensors", kConfig = kModel / "config.json";

// Official module, and its name in each style.
struct Module {
    const char *official, *diffusers, *flat;
};
constexpr Module kModules[] = {
    {"blocks.0.self_attn.q", "blocks.0.attn1.to_q", "blocks_0_self_attn_q"},
    {"blocks.1.self_attn.o", "blocks.1.attn1.to_out.0", "blocks_1_self_attn_o"},
    {"blocks.0.cross_attn.v", "blocks.0.attn2.to_v", "blocks_0_cross_attn_v"},
    {"blocks.1.ffn.0", "blocks.1.ffn.net.0.proj", "blocks_1_ffn_0"},
    {"blocks.1.ffn.2", "blocks.1.ffn.net.2", "blocks_1_ffn_2"},
    {"patch_embedding", "patch_embedding", "patch_embedding"},
    {"text_embedding.2", "condition_embedder.text_embedder.linear_2", "text_embedding_2"},
    {"time_projection.1", "condition_embedder.time_proj", "time_projection_1"},
    {"head.head", "proj_out", "head_head"},
};
constexpr int64_t kRank = 4;

enum class Style { peft, comfy, lightx2v, diffusers, kohya };

class LoraOnDit : public ::testing::TestWithParam<Style> {
  protected:
    // Matrices of module m in a style, and, where the style has alphas, one that makes the scale 2.
    Tensors keys(size_t m, uint32_t seed) {
        const Module& module = kModules[m];
        const Shape& shape = source_.at(std::string(module.official) + ".weight").shape();
        const Tensor down = randn(ctx_, {kRank, shape.numel() / shape[0]}, seed),
                     up = randn(ctx_, {shape[0], kRank}, seed + 1, DType::bf16);
        Tensor alpha = empty_on_host({});
        alpha.data<float>()[0] = 2 * kRank;
        const std::string own = module.official, other = module.diffusers, flat = module.flat;
        switch (GetParam()) {
            case Style::peft:
                return {{own + ".lora_A.default.weight", down}, {own + ".lora_B.default.weight", up}};
            case Style::comfy:
                return {{"diffusion_model." + own + ".lora_A.weight", down},
                        {"diffusion_model." + own + ".lora_B.weight", up},
                        {"diffusion_model." + own + ".alpha", alpha}};
            case Style::lightx2v:
                return {{"diffusion_model." + own + ".lora_down.weight", down},
                        {"diffusion_model." + own + ".lora_up.weight", up},
                        {"diffusion_model." + own + ".diff_b", bias(own, seed + 2)}};
            case Style::diffusers:
                return {{"transformer." + other + ".lora_A.weight", down},
                        {"transformer." + other + ".lora_B.weight", up}};
            case Style::kohya:
                break;
        }
        return {{"lora_unet_" + flat + ".lora_down.weight", down},
                {"lora_unet_" + flat + ".lora_up.weight", up},
                {"lora_unet_" + flat + ".alpha", alpha}};
    }
    Tensor bias(const std::string& module, uint32_t seed) {
        return randn(ctx_, source_.at(module + ".bias").shape(), seed);
    }
    double scale() const {
        const Style style = GetParam();
        return style == Style::comfy || style == Style::kohya || style == Style::diffusers ? 2.0 : 1.0;
    }

    std::filesystem::path lora(const std::string& name, uint32_t seed) {
        Tensors all;
        for (size_t m = 0; m < std::size(kModules); ++m) all.merge(keys(m, seed + 10 * static_cast<uint32_t>(m)));
        std::map<std::string, std::string> metadata;
        if (GetParam() == Style::diffusers)
            metadata["lora_adapter_metadata"] = R"({"transformer.r": 4, "transformer.lora_alpha": 8})";
        checkpoint::save_safetensors(folder_ / name, all, metadata);
        return folder_ / name;
    }

    // Adds weight * scale * up * down in double precision, one element after another.
    void merge(Tensors& model, uint32_t seed, double weight) {
        for (size_t m = 0; m < std::size(kModules); ++m) {
            const std::string module = kModules[m].official;
            const uint32_t of_module = seed + 10 * static_cast<uint32_t>(m);
            Tensor w = clone(ctx_, decoded(model.at(module + ".weight")));
            const int64_t rows = w.dim(0), width = w.numel() / rows;
            const auto down = doubles(ctx_, randn(ctx_, {kRank, width}, of_module)),
                       up = doubles(ctx_, randn(ctx_, {rows, kRank}, of_module + 1, DType::bf16));
            for (int64_t i = 0; i < rows; ++i) {
                for (int64_t j = 0; j < width; ++j) {
                    double sum = 0;
                    for (int64_t k = 0; k < kRank; ++k)
                        sum += up[static_cast<size_t>(i * kRank + k)] * down[static_cast<size_t>(k * width + j)];
                    w.data<float>()[i * width + j] += static_cast<float>(weight * scale() * sum);
                }
            }
            model[module + ".weight"] = w;
            if (GetParam() != Style::lightx2v) continue;
            Tensor b = clone(ctx_, decoded(model.at(module + ".bias")));
            const auto difference = doubles(ctx_, bias(module, of_module + 2));
            for (int64_t i = 0; i < b.numel(); ++i)
                b.data<float>()[i] += static_cast<float>(weight * difference[static_cast<size_t>(i)]);
            model[module + ".bias"] = b;
        }
    }

    Tensor forward(const WanDit& dit) {
        const Grid grid{3, 4, 6};
        const Tensor latent = randn(ctx_, {16, grid.t, 2 * grid.h, 2 * grid.w}, 3);
        const TextContext text = dit.embed_text(ctx_, randn(ctx_, {7, 64}, 4), 3);
        return dit.forward(ctx_, latent, 500, text, t3::LayoutWindows(ctx_, t3::full_attention(grid)));
    }

    Context ctx_;
    TemporaryFolder folder_;
    checkpoint::TensorSource source_ = checkpoint::open_tensors(kWeights);
};

TEST_P(LoraOnDit, EqualsAMergedModel) {
    Tensors merged;
    for (const auto& [name, stored] : source_.tensors) merged[name] = stored.tensor.numbers();
    const Tensor before = forward(WanDit::load(kWeights, kConfig));
    const std::vector<checkpoint::Lora> loras{{lora("a.safetensors", 100), 0.02}, {lora("b.safetensors", 500), -0.01}};

    merge(merged, 100, 0.02);
    checkpoint::save_safetensors(folder_ / "one.safetensors", merged);
    const Tensor one = forward(WanDit::load(kWeights, kConfig, std::span(loras).first(1)));
    EXPECT_LT(relative_error(one, forward(WanDit::load(folder_ / "one.safetensors", kConfig))), 1e-5);
    EXPECT_GT(relative_error(one, before), 0.01);

    merge(merged, 500, -0.01);
    checkpoint::save_safetensors(folder_ / "two.safetensors", merged);
    const Tensor two = forward(WanDit::load(kWeights, kConfig, loras));
    EXPECT_LT(relative_error(two, forward(WanDit::load(folder_ / "two.safetensors", kConfig))), 1e-5);
    EXPECT_GT(relative_error(two, one), 0.01);
}

std::string name_of_style(const ::testing::TestParamInfo<Style>& info) {
    constexpr const char* kNames[] = {"peft", "comfy", "lightx2v", "diffusers", "kohya"};
    return kNames[static_cast<size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Styles, LoraOnDit,
                         ::testing::Values(Style::peft, Style::comfy, Style::lightx2v, Style::diffusers, Style::kohya),
                         name_of_style);

TEST(LoraOnDitTest, RefusesWhatDoesNotFit) {
    Context ctx;
    const TemporaryFolder folder;
    checkpoint::save_safetensors(folder / "lora.safetensors", {{"blocks.0.ffn.0.diff_b", zeros(ctx, {1})}});
    const checkpoint::Lora lora{folder / "lora.safetensors", 1};
    expect_invalid([&] { WanDit::load(kWeights, kConfig, std::span(&lora, 1)); },
                   {"lora.safetensors", "'blocks.0.ffn.0.diff_b' has shape [1]"});
    checkpoint::save_safetensors(folder / "lora.safetensors",
                                 {{"transformer_2.blocks.0.attn1.to_q.diff", zeros(ctx, {1})}});
    expect_invalid([&] { WanDit::load(kWeights, kConfig, std::span(&lora, 1)); },
                   {"lora.safetensors", "'transformer_2.blocks.0.attn1.to_q.diff'", "matches no weight"});
}

}  // namespace
}  // namespace t3video::models
