// Planned times of 4K films beside those that an H200 took.
#include <gtest/gtest.h>

#include "film/published.h"
#include "session/planned.h"

namespace t3video::session {
namespace {

// Of an H200 at its power limit: 8 % less than one kernel at a time reaches (docs/performance.md). Weights and frames
// take no time here.
constexpr double kPowerLimit = 0.92;
constexpr plan::Rates kBusy{.matrix = kPowerLimit * 790e12,
                            .attention = kPowerLimit * 690e12,  // 70 % of it at 710, 30 % at 645
                            .convolution = kPowerLimit * 755e12,
                            .bytes = 4.0e12};

struct Took {
    const char* model;
    double forward, decode;  // seconds, as t3video bench measures them
};

class PlannedTime : public ::testing::TestWithParam<Took> {};

TEST_P(PlannedTime, IsNearWhatAnH200Took) {
    const auto& [model, forward, decode] = GetParam();
    const film::Networks networks = film::published_networks(model);
    const film::Film film = film_of(networks, {.width = 3840, .height = 2160, .frames = 81, .steps = 1, .cfg = 1});
    plan::Machine card = gpu(130 * kGiB);
    card.device.major = 9;
    card.device.multiprocessors = 132;
    card.device.sm_90a_code = true;
    plan::Plan plan = plan_film(networks, film, done(), card);
    plan.estimate(kBusy);
    RecordProperty("denoise", std::to_string(plan.find("denoise")->seconds));
    RecordProperty("decode", std::to_string(plan.find("decode")->seconds));
    EXPECT_NEAR(plan.find("denoise")->seconds, forward, 0.1 * forward);
    EXPECT_NEAR(plan.find("decode")->seconds, decode, 0.1 * decode);
}

INSTANTIATE_TEST_SUITE_P(Models, PlannedTime,
                         ::testing::Values(Took{"wan2.1-1.3b", 4.72, 11.2}, Took{"wan2.2-5b", 2.71, 17.6}));

}  // namespace
}  // namespace t3video::session
