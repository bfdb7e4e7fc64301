// Bands of a decode: which rows they need.
#include "models/wan_vae/bands.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "manifests.h"

namespace t3video::models {
namespace {

VaeConfig config_of(VaeVersion version) {
    const char* file = version == VaeVersion::wan21 ? "wan2.1.vae.official.json" : "wan2.2.vae.official.json";
    return infer_vae_config(t3video::testing::read_manifest(file), file);
}

class VaeBands : public ::testing::TestWithParam<VaeVersion> {
  protected:
    VaeConfig config_ = config_of(GetParam());
    int64_t cell_ = config_.stride_hw();
};
INSTANTIATE_TEST_SUITE_P(Versions, VaeBands, ::testing::Values(VaeVersion::wan21, VaeVersion::wan22),
                         [](const auto& c) { return c.param == VaeVersion::wan21 ? "wan21" : "wan22"; });

// By hand for the middle third of 272 latent rows, Wan2.1: the head sees one row around pixels [720, 1448), a stage's
// three blocks see six, and the convolution after doubling one of the doubled rows.
TEST(VaeBands, LevelsByHand) {
    const Band band = bands_of(config_of(VaeVersion::wan21), 272, 800).at(1);
    EXPECT_EQ(band.video, (Rows{720, 1448}));
    const Rows expected[] = {{77, 194}, {168, 374}, {350, 734}, {713, 1455}, {719, 1449}};
    const int64_t skips[] = {77, 14, 14, 13, 6};
    EXPECT_EQ(band.skip, 1);
    ASSERT_EQ(band.levels.size(), std::size(expected));
    for (size_t i = 0; i < std::size(expected); ++i) {
        EXPECT_EQ(band.levels[i].rows.first, expected[i].first) << "level " << i;
        EXPECT_EQ(band.levels[i].rows.last, expected[i].last) << "level " << i;
        EXPECT_EQ(band.levels[i].skip, skips[i]) << "level " << i;
    }
}

// Rows of the video that a row of a level reaches, layer by layer.
std::vector<bool> reach(const VaeConfig& config, int64_t latent_rows, size_t level, int64_t row) {
    const auto& stages = config.decoder.stages;
    int64_t height = latent_rows;
    for (size_t i = 0; i < level; ++i) height *= stages[i].resample_space ? 2 : 1;
    std::vector<bool> marked(static_cast<size_t>(height), false);
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
    for (size_t i = level; i < stages.size(); ++i) {
        for (int64_t k = 0; k < 2 * stages[i].blocks; ++k) convolve();
        if (!stages[i].resample_space) continue;
        repeat(2);
        convolve();
    }
    convolve();
    repeat(config.patch());
    return marked;
}

TEST_P(VaeBands, EveryLevelTakesTheRowsThatReachTheBand) {
    const int64_t latent_rows = 40;
    for (size_t level = 0; level <= config_.decoder.stages.size(); ++level) {
        int64_t height = latent_rows;
        for (size_t i = 0; i < level; ++i) height *= config_.decoder.stages[i].resample_space ? 2 : 1;
        std::vector<std::vector<bool>> reached;
        for (int64_t row = 0; row < height; ++row) reached.push_back(reach(config_, latent_rows, level, row));
        for (const int64_t band_rows : {1, 3, 6, 13, 20, 40}) {
            for (const Band& band : bands_of(config_, latent_rows, band_rows * cell_)) {
                for (size_t row = 0; row < reached.size(); ++row) {
                    const auto first = reached[row].begin() + band.video.first;
                    const auto last = reached[row].begin() + band.video.last;
                    const auto at = static_cast<int64_t>(row);
                    const Rows& taken = band.levels[level].rows;
                    if (std::find(first, last, true) != last) {
                        EXPECT_TRUE(at >= taken.first && at < taken.last)
                            << "row " << row << " of level " << level << " for rows " << band.video.first;
                    }
                }
            }
        }
    }
}

// What a level takes, the one below gives; and heights are those of the band that needs most.
TEST_P(VaeBands, LevelsFollowOneAnother) {
    for (const int64_t latent_rows : {3, 17, 40, 135}) {
        for (const int64_t band_rows : {1, 3, 6, 13, 20, 40}) {
            const std::vector<Band> bands = bands_of(config_, latent_rows, band_rows * cell_);
            for (const Band& band : bands) {
                Rows given{0, latent_rows};
                for (size_t i = 0; i < band.levels.size(); ++i) {
                    const BandLevel& level = band.levels[i];
                    EXPECT_EQ(level.rows.first, given.first + level.skip);
                    EXPECT_GE(level.skip, 0);
                    EXPECT_LE(level.rows.last, given.last);
                    EXPECT_EQ(level.rows.count(), bands[0].levels[i].rows.count());
                    const bool doubles = i + 1 < band.levels.size() && config_.decoder.stages[i].resample_space;
                    given = {level.rows.first * (doubles ? 2 : 1), level.rows.last * (doubles ? 2 : 1)};
                }
                EXPECT_GE(band.skip, 0);
                EXPECT_LE(band.video.last / config_.patch(), given.last);
            }
        }
    }
}

TEST_P(VaeBands, CoverTheVideoEvenly) {
    for (const int64_t latent_rows : {1, 2, 17, 135, 272}) {
        for (const int64_t band_rows : {int64_t{1}, cell_, cell_ + 1, 5 * cell_, 100 * cell_}) {
            const std::vector<Band> bands = bands_of(config_, latent_rows, band_rows);
            const int64_t most = (band_rows + cell_ - 1) / cell_ * cell_;
            int64_t next = 0, smallest = bands[0].video.count(), largest = smallest;
            for (const Band& band : bands) {
                EXPECT_EQ(band.video.first, next);
                EXPECT_EQ(band.video.first % cell_, 0);
                next = band.video.last;
                smallest = std::min(smallest, band.video.count());
                largest = std::max(largest, band.video.count());
            }
            EXPECT_EQ(next, latent_rows * cell_);
            EXPECT_GT(smallest, 0);
            EXPECT_LE(largest, most);
            EXPECT_LE(largest - smallest, cell_);
        }
        EXPECT_EQ(bands_of(config_, latent_rows, 0).size(), 1u);
        EXPECT_EQ(bands_of(config_, latent_rows, latent_rows * cell_).size(), 1u);
    }
}

}  // namespace
}  // namespace t3video::models
