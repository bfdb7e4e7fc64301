// Schedules against the reference implementations' values.
#include "sampling/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "checkpoint/tensor_source.h"
#include "core/error.h"
#include "sampling/diffusers_schedules.h"

namespace t3video::sampling {
namespace {

using ScheduleFunction = Schedule (*)(const ScheduleOptions&);

Schedule diffusers_unipc(const ScheduleOptions& options) {
    return diffusers_unipc_schedule(options);
}
Schedule diffusers_flow_match(const ScheduleOptions& options) {
    return diffusers_flow_match_schedule(options);
}

constexpr ScheduleFunction kAll[] = {flow_match_schedule, unipc_schedule,           dpmpp_schedule,
                                     diffusers_unipc,     diffusers_dpmpp_schedule, diffusers_flow_match};

TEST(FlowMatchSchedule, MatchesDiffSynth) {
    const ScheduleOptions settings[] = {{50, 5.0, 1.0}, {50, 3.0, 1.0}, {30, 8.0, 1.0}, {20, 5.0, 0.7}, {4, 5.0, 1.0}};
    const auto golden = checkpoint::open_tensors(T3VIDEO_TEST_DATA "/golden/schedules.safetensors");
    for (size_t k = 0; k < std::size(settings); ++k) {
        const Schedule schedule = flow_match_schedule(settings[k]);
        const std::string name = concat("s", k);
        const auto sigmas = golden.at(name + ".sigmas").span<float>();
        const auto timesteps = golden.at(name + ".timesteps").span<float>();
        ASSERT_EQ(schedule.sigmas.size(), sigmas.size() + 1);
        ASSERT_EQ(schedule.timesteps.size(), timesteps.size());
        for (size_t i = 0; i < sigmas.size(); ++i) {
            EXPECT_NEAR(schedule.sigmas[i], sigmas[i], 1e-6 * sigmas[i]) << name << " step " << i;
            EXPECT_NEAR(schedule.timesteps[i], timesteps[i], 1e-6 * timesteps[i]) << name << " step " << i;
        }
        EXPECT_EQ(schedule.sigmas.back(), 0.0);
    }
}

TEST(FlowMatchSchedule, RoundedTimestepsAreThoseT3Uses) {
    const double expected[] = {1000, 996, 992, 988, 984, 980, 972, 968, 964, 956, 952, 948, 940, 936, 928, 920, 912,
                               908,  900, 892, 884, 872, 864, 856, 844, 832, 820, 808, 796, 784, 768, 752, 736, 720,
                               700,  680, 660, 636, 612, 584, 556, 524, 488, 448, 406, 358, 304, 242, 172, 92.5};
    Schedule schedule = flow_match_schedule({50, 5.0, 1.0});
    const auto sigmas = schedule.sigmas;
    round_timesteps(schedule);
    ASSERT_EQ(schedule.timesteps.size(), std::size(expected));
    for (size_t i = 0; i < std::size(expected); ++i) EXPECT_EQ(schedule.timesteps[i], expected[i]) << "step " << i;
    EXPECT_EQ(schedule.sigmas, sigmas);
}

TEST(UnipcSchedule, HasTheKnownTimes) {
    const Schedule schedule = unipc_schedule({50, 5.0, 1.0});
    const auto& t = schedule.timesteps;
    ASSERT_EQ(t.size(), 50u);
    const double first[] = {999, 995, 991, 987, 982, 978, 973};
    for (size_t i = 0; i < std::size(first); ++i) EXPECT_EQ(t[i], first[i]) << "step " << i;
    EXPECT_EQ(t[47], 241.0);
    EXPECT_EQ(t[48], 172.0);
    EXPECT_EQ(t[49], 92.0);
    EXPECT_LT(schedule.sigmas[0], 1.0);
}

// Official Wan2.2 A14B: steps of the high-noise expert, which works while t >= boundary.
TEST(UnipcSchedule, DividesTheStepsOfTwoExpertsAsDocumented) {
    const auto steps_from = [](double shift, double boundary) {
        const Schedule schedule = unipc_schedule({40, shift, 1.0});
        return std::count_if(schedule.timesteps.begin(), schedule.timesteps.end(),
                             [&](double t) { return t >= boundary; });
    };
    EXPECT_EQ(steps_from(12.0, 875.0), 26);
    EXPECT_EQ(steps_from(5.0, 900.0), 15);
}

TEST(DiffusersUnipcSchedule, StartsJustBelowNoiseAndEndsAboveZero) {
    const Schedule schedule = diffusers_unipc_schedule({4, 3.0, 1.0});
    const double points[] = {1.0, 0.75025, 0.5005, 0.25075};  // 1 - 0.999*i/4
    for (size_t i = 0; i < 4; ++i) {
        const double sigma = i == 0 ? 1.0 - 1e-6 : 3.0 * points[i] / (1.0 + 2.0 * points[i]);
        EXPECT_NEAR(schedule.sigmas[i], sigma, 6e-8);
        EXPECT_EQ(schedule.timesteps[i], std::trunc(1000.0 * sigma));
    }
    EXPECT_LT(schedule.sigmas[0], 1.0);
    EXPECT_EQ(schedule.sigmas[4], 0.0);
}

TEST(DiffusersUnipcSchedule, MatchesDiffusers) {
    const auto golden = checkpoint::open_tensors(T3VIDEO_TEST_DATA "/golden/diffusers-tiny/cases/pipeline.safetensors");
    const auto timesteps = golden.at("timesteps").span<float>();
    const Schedule schedule = diffusers_unipc_schedule({6, 5.0, 1.0});
    ASSERT_EQ(timesteps.size(), 6u);
    for (size_t i = 0; i < 6; ++i) EXPECT_EQ(schedule.timesteps[i], timesteps[i]) << "step " << i;
}

TEST(DiffusersFlowMatchSchedule, ShiftsTwice) {
    const auto shift3 = [](double s) { return 3.0 * s / (1.0 + 2.0 * s); };
    const Schedule schedule = diffusers_flow_match_schedule({5, 3.0, 1.0});
    const double last = shift3(0.001);
    for (size_t i = 0; i < 5; ++i) {
        const double sigma = shift3(1.0 + (last - 1.0) * static_cast<double>(i) / 4.0);
        EXPECT_NEAR(schedule.sigmas[i], sigma, 1e-7);
        EXPECT_NEAR(schedule.timesteps[i], 1000.0 * sigma, 1e-4);
    }
    EXPECT_EQ(schedule.sigmas[5], 0.0);
}

TEST(Schedules, OneStepGoesFromTheStartToZero) {
    for (const ScheduleFunction schedule : kAll) {
        const Schedule one = schedule({1, 5.0, 1.0});
        ASSERT_EQ(one.steps(), 1);
        ASSERT_EQ(one.sigmas.size(), 2u);
        EXPECT_GT(one.sigmas[0], 0.999);
        EXPECT_GE(one.timesteps[0], 999.0);
        EXPECT_EQ(one.sigmas[1], 0.0);
    }
}

TEST(Schedules, RejectBadOptions) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    constexpr double kInf = std::numeric_limits<double>::infinity();
    const ScheduleOptions bad[] = {{0, 5.0, 1.0},   {int64_t{1} << 40, 5.0, 1.0},
                                   {-3, 5.0, 1.0},  {50, 0.0, 1.0},
                                   {50, -1.0, 1.0}, {50, kNan, 1.0},
                                   {50, kInf, 1.0}, {50, 5.0, 0.0},
                                   {50, 5.0, -0.5}, {50, 5.0, 1.01},
                                   {50, 5.0, kNan}};
    for (const ScheduleFunction schedule : kAll) {
        for (const ScheduleOptions& options : bad) {
            EXPECT_THROW(schedule(options), InvalidRequest)
                << options.steps << " steps, shift " << options.shift << ", strength " << options.strength;
        }
        // All steps at the same float32 noise level.
        EXPECT_THROW(schedule({50, 1e12, 1.0}), InvalidRequest);
    }
}

TEST(Schedules, OnlyFlowMatchTakesAStrength) {
    for (const ScheduleFunction schedule : kAll) {
        if (schedule == flow_match_schedule) {
            EXPECT_NEAR(schedule({10, 1.0, 0.5}).sigmas[0], 0.5, 1e-7);
        } else {
            EXPECT_THROW(schedule({10, 5.0, 0.5}), InvalidRequest);
        }
    }
}

}  // namespace
}  // namespace t3video::sampling
