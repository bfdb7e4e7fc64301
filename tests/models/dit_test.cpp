// The diffusion transformer: loading, padding, clean first frames, layouts.
#include <gtest/gtest.h>

#include "checkpoint/tensor_source.h"
#include "models/wan_dit/model.h"
#include "ops/layout.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace t3video::models {
namespace {

using namespace testing;

const std::filesystem::path kModel = T3VIDEO_TEST_DATA "/golden/wan21-tiny/model";
const std::filesystem::path kWeights = kModel / "diffusion_pytorch_model.safetensors", kConfig = kModel / "config.json";
const Grid kGrid{3, 4, 6};

class WanDitTest : public ::testing::Test {
  protected:
    Tensor forward(const WanDit& dit, double timestep, const TextContext& text, int64_t clean_frames = 0) {
        return dit.forward(ctx_, latent_, timestep, text, full_, {.clean_frames = clean_frames});
    }

    Context ctx_;
    WanDit dit_ = WanDit::load(kWeights, kConfig);
    Tensor latent_ = randn(ctx_, {16, kGrid.t, 2 * kGrid.h, 2 * kGrid.w}, 3), rows_ = randn(ctx_, {7, 64}, 4);
    t3::LayoutWindows full_{ctx_, t3::full_attention(kGrid)};
};

TEST_F(WanDitTest, PaddingMergesIntoOneKey) {
    for (const int64_t padding : {1, 9, 505}) {
        const TextContext merged = dit_.embed_text(ctx_, rows_, padding);
        EXPECT_EQ(merged.layers[0].k.dim(0), 8);
        const Tensor zero_rows = zeros(ctx_, {padding, 64});
        const TextContext literal = dit_.embed_text(ctx_, ops::concat(ctx_, std::array{rows_, zero_rows}));
        const Tensor expected = forward(dit_, 700, literal);
        EXPECT_LT(relative_error(forward(dit_, 700, merged), expected), 1e-5) << padding;
    }
    // How many there are matters, or the comparison above says nothing.
    const Tensor few = forward(dit_, 700, dit_.embed_text(ctx_, rows_, 1)),
                 many = forward(dit_, 700, dit_.embed_text(ctx_, rows_, 505));
    EXPECT_GT(relative_error(few, many), 1e-3);
}

TEST_F(WanDitTest, ContextIsUsedAsGiven) {
    const TextContext text = dit_.embed_text(ctx_, rows_);
    ASSERT_EQ(static_cast<int64_t>(text.layers.size()), dit_.config().layers);
    for (const TextKeys& layer : text.layers) {
        EXPECT_EQ(layer.k.shape(), (Shape{7, dit_.config().dim}));
        EXPECT_EQ(layer.v.shape(), (Shape{7, dit_.config().dim}));
        EXPECT_EQ(layer.prompts, (std::vector<PromptRows>{{layer.k.dim(0), 1}}));
    }
}

TEST_F(WanDitTest, CleanFramesAtTimestepZeroChangeNothing) {
    const TextContext text = dit_.embed_text(ctx_, rows_);
    for (const int64_t clean : {1, 2, 3}) {
        EXPECT_LT(relative_error(forward(dit_, 0, text, clean), forward(dit_, 0, text)), 1e-6);
        EXPECT_GT(relative_error(forward(dit_, 500, text, clean), forward(dit_, 500, text)), 1e-3);
    }
}

// Without mixing between tokens, the first frames would be those of timestep 0 and the others those of the given one.
TEST_F(WanDitTest, CleanFramesAreTheFirst) {
    const TextContext text = dit_.embed_text(ctx_, rows_);
    const t3::LayoutWindows single(ctx_, {kGrid, {{kGrid.t, kGrid.h, kGrid.w}}});  // every token alone
    const auto run = [&](double timestep, int64_t clean) {
        return dit_.forward(ctx_, latent_, timestep, text, single, {.clean_frames = clean});
    };
    const Tensor at_0 = run(0, 0), at_500 = run(500, 0);
    const int64_t frame = latent_.dim(2) * latent_.dim(3);
    for (int64_t clean = 0; clean <= kGrid.t; ++clean) {
        const Tensor mixed = run(500, clean);
        for (int64_t c = 0; c < mixed.dim(0); ++c) {
            for (int64_t t = 0; t < kGrid.t; ++t) {
                const auto frame_of = [&](const Tensor& x) {
                    return x.reshape({x.dim(0) * kGrid.t, frame}).slice(c * kGrid.t + t, c * kGrid.t + t + 1);
                };
                EXPECT_LT(relative_error(frame_of(mixed), frame_of(t < clean ? at_0 : at_500)), 1e-5)
                    << clean << ' ' << c << ' ' << t;
            }
        }
    }
}

TEST_F(WanDitTest, LayoutOfOneWindowIsFullAttention) {
    const TextContext text = dit_.embed_text(ctx_, rows_, 10);
    const Tensor full = forward(dit_, 300, text);
    const t3::LayoutWindows ones(ctx_, {kGrid, {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}}});
    EXPECT_EQ(relative_error(dit_.forward(ctx_, latent_, 300, text, ones), full), 0);
    const t3::LayoutWindows t3(ctx_, {kGrid, {{3, 1, 1}, {1, 2, 3}}});
    EXPECT_GT(relative_error(dit_.forward(ctx_, latent_, 300, text, t3), full), 1e-3);
}

// The last layer's pattern changes nothing but the last layer: the order of patterns is that of layers.
TEST_F(WanDitTest, EachLayerUsesItsPattern) {
    const TextContext text = dit_.embed_text(ctx_, rows_);
    ASSERT_EQ(dit_.config().layers, 5);
    const auto run = [&](std::vector<t3::Pattern> patterns) {
        return dit_.forward(ctx_, latent_, 300, text, t3::LayoutWindows(ctx_, {kGrid, std::move(patterns)}));
    };
    const t3::Pattern a{3, 1, 1}, b{1, 2, 3};
    const Tensor two = run({a, b});
    EXPECT_EQ(relative_error(run({a, b, a, b, a}), two), 0);
    EXPECT_GT(relative_error(run({a, b, a, b, b}), two), 1e-4);
    EXPECT_GT(relative_error(run({b, a}), two), 1e-4);
}

TEST_F(WanDitTest, OperandsMustFit) {
    const TextContext text = dit_.embed_text(ctx_, rows_);
    EXPECT_THROW(dit_.embed_text(ctx_, randn(ctx_, {7, 63}, 1)), Error);
    EXPECT_THROW(WanDit::grid_of(randn(ctx_, {16, 3, 7, 12}, 1)), Error);
    EXPECT_THROW(dit_.forward(ctx_, randn(ctx_, {8, 3, 8, 12}, 1), 5, text, full_), Error);
    EXPECT_THROW(dit_.forward(ctx_, randn(ctx_, {16, 3, 8, 8}, 1), 5, text, full_), Error);
    EXPECT_THROW(forward(dit_, 5, text, kGrid.t + 1), Error);
    EXPECT_THROW(forward(dit_, 5, text, -1), Error);
}

TEST_F(WanDitTest, RepackagedFilesHaveAPrefix) {
    const TemporaryFolder folder;
    const auto source = checkpoint::open_tensors(kWeights);
    std::map<std::string, Tensor> prefixed;
    for (const auto& [name, stored] : source.tensors)
        prefixed["model.diffusion_model." + name] = stored.tensor.numbers();
    checkpoint::save_safetensors(folder / "dit.safetensors", prefixed);
    const WanDit same = WanDit::load(folder / "dit.safetensors", kConfig);
    EXPECT_EQ(
        relative_error(forward(same, 5, same.embed_text(ctx_, rows_)), forward(dit_, 5, dit_.embed_text(ctx_, rows_))),
        0);
}

TEST_F(WanDitTest, LoadsTheDiffusersLayout) {
    const std::filesystem::path folder = T3VIDEO_TEST_DATA "/golden/diffusers-tiny/model/transformer";
    const WanDit dit = WanDit::load(folder / "diffusion_pytorch_model.safetensors", folder / "config.json");
    EXPECT_EQ(dit.config().layers, 2);
    EXPECT_EQ(dit.config().heads, 2);
}

class WrongDitFile : public ::testing::Test {
  protected:
    WrongDitFile() {
        for (const auto& [name, stored] : checkpoint::open_tensors(kWeights).tensors)
            tensors_[name] = stored.tensor.numbers();
    }
    void refused(const std::vector<std::string>& parts) {
        checkpoint::save_safetensors(folder_ / "dit.safetensors", tensors_);
        expect_invalid([&] { WanDit::load(folder_ / "dit.safetensors", kConfig); }, parts);
    }
    Context ctx_;
    TemporaryFolder folder_;
    std::map<std::string, Tensor> tensors_;
};

TEST_F(WrongDitFile, ImageToVideoByClip) {
    tensors_["img_emb.proj.0.weight"] = zeros(ctx_, {1280});
    refused({"dit.safetensors", "image-to-video", "T2V, TI2V"});
}

TEST_F(WrongDitFile, ImageToVideoByChannels) {
    tensors_["patch_embedding.weight"] = zeros(ctx_, {96, 36, 1, 2, 2});
    refused({"dit.safetensors", "image-to-video", "T2V, TI2V"});
}

TEST_F(WrongDitFile, MissingTensor) {
    tensors_.erase("blocks.4.cross_attn.norm_k.weight");
    refused({"dit.safetensors", "'blocks.4.cross_attn.norm_k.weight' [96] is missing"});
}

TEST_F(WrongDitFile, MisshapenTensor) {
    tensors_["blocks.2.modulation"] = zeros(ctx_, {1, 5, 96});
    refused({"dit.safetensors", "'blocks.2.modulation' has shape [1, 5, 96], expected [1, 6, 96]"});
}

TEST_F(WrongDitFile, LeftOverTensor) {
    tensors_["blocks.5.norm3.bias"] = zeros(ctx_, {96});
    refused({"dit.safetensors", "'blocks.5.norm3.bias' [96] is not part of this model"});
}

}  // namespace
}  // namespace t3video::models
