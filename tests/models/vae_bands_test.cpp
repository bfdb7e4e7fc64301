// Bands of a decode: which rows they read and compute.
#include "models/wan_vae/bands.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "manifests.h"
#include "models/wan_vae/decoder.h"

namespace t3video::models {
namespace {

VaeConfig config_of(VaeVersion version) {
    const char* file = version == VaeVersion::wan21 ? "wan2.1.vae.official.json" : "wan2.2.vae.official.json";
    return infer_vae_config(t3video::testing::read_manifest(file), file);
}

class VaeBands : public ::testing::TestWithParam<VaeVersion> {
  protected:
    VaeConfig config_ = config_of(GetParam());
    nn::Halo halo_ = Decoder(config_).halo();
    int64_t cell_ = config_.stride_hw();
};
INSTANTIATE_TEST_SUITE_P(Versions, VaeBands, ::testing::Values(VaeVersion::wan21, VaeVersion::wan22),
                         [](const auto& c) { return c.param == VaeVersion::wan21 ? "wan21" : "wan22"; });

// By hand for 272 latent rows, Wan2.1, in thirds: six convolutions a stage, one behind each doubling and the head's end
// 6 + (1 + 6)/2 + (1 + 6)/4 + (1 + 6)/8 + 2/8 = 98/8 rows of the latent above what they read.
TEST(VaeBands, ByHand) {
    const std::vector<Band> bands = bands_of(Decoder(config_of(VaeVersion::wan21)).halo(), 272, 800);
    ASSERT_EQ(bands.size(), 3u);
    const RowRange latent[] = {{0, 104}, {104, 195}, {195, 272}}, video[] = {{0, 734}, {734, 1462}, {1462, 2176}};
    for (size_t i = 0; i < bands.size(); ++i) {
        EXPECT_EQ(bands[i].latent, latent[i]) << i;
        EXPECT_EQ(bands[i].video, video[i]) << i;
    }
}

// Rows of the video that a row of the middle block's result reaches, layer by layer.
std::vector<bool> reach(const VaeConfig& config, int64_t latent_rows, int64_t row) {
    std::vector<bool> marked(static_cast<size_t>(latent_rows), false);
    marked[static_cast<size_t>(row)] = true;
    const auto convolve = [&] {
        const std::vector<bool> before = marked;
        for (size_t i = 0; i < before.size(); ++i) {
            marked[i] = before[i] || (i > 0 && before[i - 1]) || (i + 1 < before.size() && before[i + 1]);
        }
    };
    const auto repeat = [&](int64_t times) {
        std::vector<bool> larger;
        for (const bool mark : marked) larger.insert(larger.end(), static_cast<size_t>(times), mark);
        marked = larger;
    };
    for (const VaeStage& stage : config.decoder.stages) {
        for (int64_t k = 0; k < 2 * stage.blocks; ++k) convolve();
        if (!stage.resample_space) continue;
        repeat(2);
        convolve();
    }
    convolve();
    repeat(config.patch());
    return marked;
}

// The first row that a band leaves to the next is the first that depends on a row it does not read.
TEST_P(VaeBands, ComputeAllRowsThatTheyCan) {
    const int64_t latent_rows = 70;
    for (const int64_t band_rows : {1, 3, 13, 20, 40}) {
        for (const Band& band : bands_of(halo_, latent_rows, band_rows * cell_)) {
            if (band.latent.last == latent_rows) continue;
            const std::vector<bool> reached = reach(config_, latent_rows, band.latent.last);
            EXPECT_EQ(std::find(reached.begin(), reached.end(), true) - reached.begin(), band.video.last);
        }
    }
}

TEST_P(VaeBands, FollowOneAnother) {
    for (const int64_t latent_rows : {1, 2, 15, 17, 135, 272}) {
        for (const int64_t band_rows : {int64_t{1}, cell_, cell_ + 1, 5 * cell_, 20 * cell_, 100 * cell_}) {
            const std::vector<Band> bands = bands_of(halo_, latent_rows, band_rows);
            const int64_t most = std::max<int64_t>(2, (band_rows + cell_ - 1) / cell_);
            int64_t latent = 0, video = 0;
            for (size_t i = 0; i < bands.size(); ++i) {
                EXPECT_EQ(bands[i].latent.first, latent);
                EXPECT_EQ(bands[i].video.first, video);
                EXPECT_GT(bands[i].latent.count(), 0);
                EXPECT_GT(bands[i].video.count(), 0);
                if (i > 0 && i + 1 < bands.size()) {
                    EXPECT_EQ(bands[i].latent.count(), bands[1].latent.count());
                    EXPECT_EQ(bands[i].video.count(), bands[1].latent.count() * cell_);
                    EXPECT_LE(bands[i].latent.count(), most);
                }
                latent = bands[i].latent.last;
                video = bands[i].video.last;
            }
            EXPECT_EQ(latent, latent_rows);
            EXPECT_EQ(video, latent_rows * cell_);
        }
        EXPECT_EQ(bands_of(halo_, latent_rows, 0).size(), 1u);
        EXPECT_EQ(bands_of(halo_, latent_rows, latent_rows * cell_).size(), 1u);
    }
}

}  // namespace
}  // namespace t3video::models
