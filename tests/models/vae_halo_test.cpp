// The halos that layers state: those that an experiment finds, and the decoder's as their sum.
#include "nn/halo.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "models/wan_vae/decoder.h"
#include "models/wan_vae/wan_vae.h"
#include "support/tensors.h"
#include "tensor/frame_rows.h"

namespace t3video::models {
namespace {

using namespace t3video::testing;

constexpr int64_t kRows = 17, kChannels = 4;

class VaeHalo : public ::testing::Test {
  protected:
    // Gives a parameter random values.
    auto randomly() {
        return [this](const std::string&, nn::Param& param) { param.value = randn(ctx_, param.shape, ++seed_); };
    }

    // Of the result of run(x), exactly the rows change that depend on a changed row of x.
    template <class Run>
    void expect_halo(const nn::Halo& halo, const Run& run) {
        const Tensor x = randn(ctx_, {3, kRows, 2, kChannels}, ++seed_), before = run(x);
        ASSERT_EQ(before.dim(1), halo.scale * kRows);
        for (int64_t row = 0; row < kRows; ++row) {
            const Tensor changed = clone(ctx_, x);
            for (int64_t t = 0; t < 3; ++t) {
                for (float& value : frame_rows(changed.slice(t, t + 1), row, row + 1).span<float>()) value += 1;
            }
            const Tensor after = run(changed);
            for (int64_t y = 0; y < after.dim(1); ++y) {
                const bool reached = halo.scale * row - halo.reach <= y && y < halo.scale * (row + 1) + halo.reach;
                EXPECT_EQ(differ(before, after, y), reached) << "row " << y << " by row " << row;
            }
        }
    }

    Context ctx_;

  private:
    static bool differ(const Tensor& a, const Tensor& b, int64_t row) {
        for (int64_t t = 0; t < a.dim(0); ++t) {
            const Tensor p = frame_rows(a.slice(t, t + 1), row, row + 1);
            const Tensor q = frame_rows(b.slice(t, t + 1), row, row + 1);
            if (!std::ranges::equal(p.span<float>(), q.span<float>())) return true;
        }
        return false;
    }

    uint32_t seed_ = 0;
};

TEST_F(VaeHalo, OfAResBlock) {
    for (const int64_t out : {kChannels, kChannels + 1}) {
        ResBlock block(kChannels, out);
        block.for_each_param("", randomly());
        expect_halo(block.halo(), [&](const Tensor& x) {
            ResBlock::History history;
            return block.forward(ctx_, x, history);
        });
    }
}

TEST_F(VaeHalo, OfAnUpsample) {
    for (const bool with_time : {false, true}) {
        Upsample up(kChannels, 3, with_time);
        up.for_each_param("", randomly());
        expect_halo(up.halo(), [&](const Tensor& x) {
            Upsample::History history;
            return up.forward(ctx_, x, history);
        });
    }
}

TEST_F(VaeHalo, OfAnUpStage) {
    for (const bool doubles : {false, true}) {
        for (const int64_t blocks : {1, 2, 3}) {
            UpStage stage({.width = 5, .blocks = blocks, .resample_space = doubles, .resample_time = doubles, .out = 3},
                          kChannels, true);
            LayerNames names(VaeVersion::wan22, "", "");
            stage.for_each_param(names, randomly());
            expect_halo(stage.halo(), [&](const Tensor& x) {
                UpStage::History history;
                return stage.forward(ctx_, x, history);
            });
        }
    }
}

TEST_F(VaeHalo, OfAHead) {
    Head head(kChannels, 3);
    head.for_each_param("", randomly());
    expect_halo(head.halo(), [&](const Tensor& x) {
        nn::ConvHistory history;
        return head.forward(ctx_, x, history);
    });
}

// A convolution reaches one row of its own scale, which is scale of the video / own scale rows of the video.
TEST_F(VaeHalo, OfTheDecoderIsTheSum) {
    for (const char* file : {"wan21-tiny/model/Wan2.1_VAE.pth", "wan22-tiny/model/Wan2.2_VAE.pth"}) {
        const VaeConfig config = WanVae::load(std::filesystem::path(T3VIDEO_TEST_DATA "/golden") / file).config();
        nn::Halo layers;
        int64_t channels = config.decoder.base, scale = config.stride_hw(), reach = 0;
        for (const VaeStage& stage : config.decoder.stages) {
            layers = layers.then(UpStage(stage, channels, config.version == VaeVersion::wan22).halo());
            channels = stage.out;
            reach += 2 * stage.blocks * scale;
            if (stage.resample_space) reach += scale /= 2;
        }
        layers = layers.then(Head(channels, config.frame_channels()).halo()).then({.scale = config.patch()});
        reach += scale;
        EXPECT_EQ(Decoder(config).halo(), layers) << file;
        EXPECT_EQ(Decoder(config).halo(), (nn::Halo{reach, config.stride_hw()})) << file;
        EXPECT_EQ(reach, 98 * config.patch()) << file;
    }
}

// Two doublings: 4 rows determine 4 * 4 - 3; the result of a band lies 3/4 rows above it, rounded up, and reads 6/4
// rows of the band above.
TEST_F(VaeHalo, RowsOfABand) {
    const nn::Halo halo = nn::Halo{.reach = 1, .scale = 2}.then({.reach = 1, .scale = 2});
    EXPECT_EQ(halo, (nn::Halo{3, 4}));
    EXPECT_EQ(halo.determined(4), 13);
    EXPECT_EQ(halo.lag(), 1);
    EXPECT_EQ(halo.rows_above(), 2);
}

}  // namespace
}  // namespace t3video::models
