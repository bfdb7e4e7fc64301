// Several branches through the transformer at once: the bits of each alone, and every layer asked for once.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "models/wan_dit/model.h"
#include "support/tensors.h"

namespace t3video::models {
namespace {

using namespace testing;

const std::filesystem::path kModel = T3VIDEO_TEST_DATA "/golden/wan21-tiny/model";
const Grid kGrid{3, 4, 6};

// The CPU's, which counts what comes beside other work.
class CountingAllocator final : public Allocator {
  public:
    std::shared_ptr<Storage> allocate(size_t bytes) override { return inner_->allocate(bytes); }
    void trim() override { inner_->trim(); }
    void copy(std::byte* to, const std::byte* from, size_t bytes, Transfer transfer) override {
        inner_->copy(to, from, bytes, transfer);
    }
    void zero(std::byte* data, size_t bytes) override { inner_->zero(data, bytes); }
    std::shared_ptr<void> upload_beside(std::byte* to, const std::byte* from, size_t bytes) override {
        uploaded_ += bytes;
        return inner_->upload_beside(to, from, bytes);
    }

    // Since the last call.
    size_t uploaded() { return std::exchange(uploaded_, 0); }

  private:
    std::shared_ptr<Allocator> inner_ = make_cpu_allocator();
    size_t uploaded_ = 0;
};

void expect_same_bits(const Tensor& a, const Tensor& b) {
    ASSERT_EQ(a.shape(), b.shape());
    EXPECT_TRUE(std::ranges::equal(a.span<float>(), b.span<float>()));
}

class DitBranches : public ::testing::Test {
  protected:
    WanDit streamed() {
        WanDit dit = dit_;
        dit.prepare_layers(ctx_, nn::Residency::streamed);
        return dit;
    }
    Tensor alone(const WanDit& dit, const DitBranch& branch) {
        return dit.forward(ctx_, latent_, 500, branch.text, windows_, branch.conditioning);
    }

    std::shared_ptr<CountingAllocator> allocator_ = std::make_shared<CountingAllocator>();
    Context ctx_{Backend{.device = Device::cpu, .compute_type = DType::f32, .allocator = allocator_, .state = nullptr},
                 2};
    WanDit dit_ = WanDit::load(kModel / "diffusion_pytorch_model.safetensors", kModel / "config.json");
    Tensor latent_ = randn(ctx_, {16, kGrid.t, 2 * kGrid.h, 2 * kGrid.w}, 3);
    t3::LayoutWindows windows_{ctx_, {kGrid, {{3, 1, 1}, {1, 2, 3}}}};
    TextContext positive_ = dit_.embed_text(ctx_, randn(ctx_, {7, 64}, 4), 9),
                negative_ = dit_.embed_text(ctx_, randn(ctx_, {5, 64}, 5), 11);
};

TEST_F(DitBranches, TogetherAreEachAlone) {
    const DitBranch branches[] = {{positive_}, {negative_}, {positive_, {.clean_frames = 1}}};
    for (const WanDit& dit : {dit_, streamed()}) {
        const std::vector<Tensor> together = dit.forward(ctx_, latent_, 500, branches, windows_);
        ASSERT_EQ(together.size(), 3u);
        for (size_t i = 0; i < 3; ++i) expect_same_bits(together[i], alone(dit_, branches[i]));
        EXPECT_GT(relative_error(together[0], together[1]), 1e-3);
        EXPECT_GT(relative_error(together[0], together[2]), 1e-3);
    }
}

TEST_F(DitBranches, StreamedLayersComeOnceForAll) {
    const WanDit dit = streamed();
    const DitBranch branches[] = {{positive_}, {negative_}};
    alone(dit, branches[0]);  // from now on a walk finds its first layer there and leaves the next one's
    allocator_->uploaded();
    alone(dit, branches[0]);
    const size_t walk = allocator_->uploaded();
    EXPECT_GT(walk, 0u);
    for (const DitBranch& branch : branches) alone(dit, branch);
    EXPECT_EQ(allocator_->uploaded(), 2 * walk);
    dit.forward(ctx_, latent_, 500, branches, windows_);
    EXPECT_EQ(allocator_->uploaded(), walk);

    const TextRows prompts[] = {{randn(ctx_, {7, 64}, 4), 9}, {randn(ctx_, {5, 64}, 5), 11}};
    dit.embed_text(ctx_, prompts);
    EXPECT_EQ(allocator_->uploaded(), walk);
}

TEST_F(DitBranches, PromptsTogetherAreEachAlone) {
    const TextRows prompts[] = {{randn(ctx_, {7, 64}, 4), 9}, {randn(ctx_, {5, 64}, 5), 11}};
    for (const WanDit& dit : {dit_, streamed()}) {
        const std::vector<TextContext> texts = dit.embed_text(ctx_, prompts);
        ASSERT_EQ(texts.size(), 2u);
        for (size_t i = 0; i < 2; ++i) {
            const TextContext& expected = i == 0 ? positive_ : negative_;
            ASSERT_EQ(texts[i].layers.size(), expected.layers.size());
            for (size_t layer = 0; layer < expected.layers.size(); ++layer) {
                expect_same_bits(texts[i].layers[layer].k, expected.layers[layer].k);
                expect_same_bits(texts[i].layers[layer].v, expected.layers[layer].v);
                EXPECT_EQ(texts[i].layers[layer].prompts, expected.layers[layer].prompts);
            }
        }
    }
}

// Something may stand between the parts, and layers may be walked in stretches.
TEST_F(DitBranches, PartsAreTheForwardPass) {
    const DitBranch branch{positive_, {.clean_frames = 1}};
    for (const int64_t cut : {0, 2, 5}) {
        std::vector<DitBranchState> streams{dit_.enter(ctx_, latent_, 500, branch)};
        EXPECT_EQ(streams[0].x.shape(), (Shape{kGrid.tokens(), dit_.config().dim}));
        EXPECT_EQ(streams[0].sets.boundary, kGrid.h * kGrid.w);
        dit_.blocks(ctx_, streams, windows_, 0, cut);
        dit_.blocks(ctx_, streams, windows_, cut, dit_.config().layers);
        expect_same_bits(dit_.leave(ctx_, std::move(streams[0])), alone(dit_, branch));
    }
    const Tensor without = dit_.leave(ctx_, dit_.enter(ctx_, latent_, 500, branch));
    EXPECT_GT(relative_error(without, alone(dit_, branch)), 1e-3);
}

}  // namespace
}  // namespace t3video::models
