// Noise levels, weights of the loss and learning rates.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/error.h"
#include "training/noise_levels.h"
#include "training/rate.h"

namespace t3video::training {
namespace {

using Draw = NoiseLevelOptions::Draw;
using Weights = NoiseLevelOptions::Weights;

double shifted(double u, double shift) {
    return shift * u / (1 + (shift - 1) * u);
}

// The values that the training code behind T3 computes.
TEST(NoiseLevels, WeightsAreABell) {
    const NoiseLevels levels({});
    EXPECT_EQ(levels.at(1).weight, 0.0);
    EXPECT_NEAR(levels.at(shifted(0.9, 5)).weight, 0.139, 5e-4);
    EXPECT_NEAR(levels.at(shifted(0.5, 5)).weight, 1.025, 5e-4);
    EXPECT_NEAR(levels.at(0.5006).weight, 2.0764, 5e-5);
    EXPECT_NEAR(levels.at(0.00498).weight, 0.032, 5e-4);
    EXPECT_EQ(NoiseLevels({.weights = Weights::none}).at(0.3).weight, 1.0);
}

// Every entry of the schedule comes about as often as any other; the level is that nearest to the rounded time.
TEST(NoiseLevels, UniformOverTheShiftedSchedule) {
    const NoiseLevels levels({});
    constexpr int kDraws = 40000;
    int above = 0;
    for (int i = 0; i < kDraws; ++i) {
        const NoiseLevel level = levels.draw(7, static_cast<uint64_t>(i));
        above += level.sigma >= shifted(0.5, 5);               // half of the entries
        EXPECT_NEAR(level.timestep, 1000 * level.sigma, 4.1);  // bf16 has steps of 4 from 512 on
        EXPECT_EQ(level.timestep, std::round(level.timestep / 0.0078125) * 0.0078125);
    }
    EXPECT_NEAR(above, kDraws / 2, 4 * std::sqrt(kDraws / 4.0));
}

TEST(NoiseLevels, LogitNormal) {
    const NoiseLevels levels({.draw = Draw::logit_normal, .mean = 0.5, .deviation = 0.8, .bf16_timesteps = false});
    constexpr int kDraws = 20000;
    int below = 0;
    for (int i = 0; i < kDraws; ++i) {
        const NoiseLevel level = levels.draw(3, static_cast<uint64_t>(i));
        EXPECT_EQ(level.timestep, 1000 * level.sigma);
        below += level.sigma < shifted(1 / (1 + std::exp(-0.5)), 5);  // the median
    }
    EXPECT_NEAR(below, kDraws / 2, 4 * std::sqrt(kDraws / 4.0));
}

TEST(NoiseLevels, PartsOfTheRange) {
    for (const Draw draw : {Draw::uniform, Draw::logit_normal}) {
        const NoiseLevels high({.draw = draw, .to = 0.25, .bf16_timesteps = false});
        const NoiseLevels low({.draw = draw, .from = 0.25, .bf16_timesteps = false});
        for (uint64_t i = 0; i < 500; ++i) {
            EXPECT_GE(high.draw(1, i).sigma, shifted(0.75, 5) - 1e-6);
            EXPECT_LE(low.draw(1, i).sigma, shifted(0.75, 5) + 1e-6);
        }
    }
    EXPECT_THROW(NoiseLevels({.from = 0.5, .to = 0.5}), InvalidRequest);
    EXPECT_THROW(NoiseLevels({.from = -0.1}), InvalidRequest);
    EXPECT_THROW(NoiseLevels({.deviation = 0}), InvalidRequest);
    EXPECT_THROW(NoiseLevels({.shift = NAN}), InvalidRequest);
}

TEST(NoiseLevels, FollowFromSeedAndNumber) {
    const NoiseLevels levels({});
    EXPECT_EQ(levels.draw(5, 11).sigma, levels.draw(5, 11).sigma);
    std::map<double, int> seen;
    const NoiseLevels exact({.bf16_timesteps = false});
    for (uint64_t i = 0; i < 100; ++i) ++seen[exact.draw(5, i).sigma];
    EXPECT_GT(seen.size(), 80u);
    EXPECT_NE(levels.draw(5, 0).sigma, levels.draw(6, 0).sigma);
}

TEST(Rate, WarmsUp) {
    const RateOptions linear{.rate = 1e-3, .warm_up_updates = 4};
    EXPECT_DOUBLE_EQ(rate_of(linear, 0), 0.25e-3);
    EXPECT_DOUBLE_EQ(rate_of(linear, 3), 1e-3);
    EXPECT_DOUBLE_EQ(rate_of(linear, 100), 1e-3);
    const RateOptions third{.rate = 3e-5, .warm_up = RateOptions::WarmUp::third};
    EXPECT_DOUBLE_EQ(rate_of(third, 4), 1e-5);
    EXPECT_DOUBLE_EQ(rate_of(third, 5), 3e-5);
}

TEST(Rate, FallsAsACosine) {
    const RateOptions o{.rate = 1, .shape = RateOptions::Shape::cosine, .warm_up_updates = 0, .updates = 100};
    EXPECT_DOUBLE_EQ(rate_of(o, 0), 1);
    EXPECT_NEAR(rate_of(o, 50), 0.55, 1e-12);
    EXPECT_NEAR(rate_of(o, 100), 0.1, 1e-12);
    EXPECT_NEAR(rate_of(o, 1000), 0.1, 1e-12);
}

TEST(Rate, RefusesWhatCannotBe) {
    EXPECT_THROW(check(RateOptions{.rate = 0}), InvalidRequest);
    EXPECT_THROW(check(RateOptions{.shape = RateOptions::Shape::cosine, .updates = 3}), InvalidRequest);
    EXPECT_THROW(check(RateOptions{.warm_up_updates = -1}), InvalidRequest);
    EXPECT_NO_THROW(check(RateOptions{}));
}

}  // namespace
}  // namespace t3video::training
