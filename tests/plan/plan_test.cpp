// Sums over stages, times, and who leaves before a stage runs.
#include "plan/plan.h"

#include <gtest/gtest.h>

namespace t3video::plan {
namespace {

constexpr size_t kGiB = size_t{1} << 30;

TEST(Plan, TimeIsWorkByRates) {
    Plan plan{.stages = {{.name = "text", .work = {10, 20, 30, 40}, .weights = 100}}};
    plan.estimate({.matrix = 10, .attention = 10, .convolution = 10, .bytes = 10, .upload = 50});
    EXPECT_DOUBLE_EQ(plan.seconds(), 1 + 2 + 3 + 4 + 2);
    plan.estimate({.matrix = 5, .attention = 10, .convolution = 10, .bytes = 10});
    EXPECT_DOUBLE_EQ(plan.seconds(), 2 + 2 + 3 + 4);
}

// From a GPU: once across, and half as long again for the copy into the colours of the file.
TEST(Plan, FramesTakeTimeOnTheirWay) {
    Plan plan{.stages = {{.name = "decode", .work = {10, 0, 0, 0}, .frame_bytes = 100}}};
    Rates rates{.matrix = 10, .attention = 10, .convolution = 10, .bytes = 10, .upload = 50, .download = 50};
    plan.estimate(rates);
    EXPECT_DOUBLE_EQ(plan.seconds(), 1 + 3);
    rates.download = 0;
    plan.estimate(rates);
    EXPECT_DOUBLE_EQ(plan.seconds(), 1);
}

// Weights that wait there cross no more; streamed ones cross for every use, beside the work.
TEST(Plan, WeightsThatAreReadyTakeNoTime) {
    const Rates rates{.matrix = 10, .attention = 10, .convolution = 10, .bytes = 10, .upload = 50};
    Plan plan{.stages = {{.name = "text", .work = {10, 0, 0, 0}, .weights = 100, .ready = true}}};
    plan.estimate(rates);
    EXPECT_DOUBLE_EQ(plan.seconds(), 1);
    plan.stages[0].residency = nn::Residency::streamed;
    plan.estimate(rates);
    EXPECT_DOUBLE_EQ(plan.seconds(), 2);
}

TEST(Plan, StagesInWords) {
    EXPECT_EQ(StagePlan().about_weights(), "");
    EXPECT_EQ((StagePlan{.ready = true, .held = 1}).about_weights(), ", ready");
    EXPECT_EQ((StagePlan{.ready = true}).about_weights(), "");  // as they lie in their files
    EXPECT_EQ((StagePlan{.residency = nn::Residency::packed, .ready = true, .held = 1}).about_weights(),
              ", weights packed, ready");
    EXPECT_EQ((StagePlan{.residency = nn::Residency::streamed}).about_weights(), ", weights streamed");
    EXPECT_EQ((StagePlan{.residency = nn::Residency::streamed, .together = true}).about_weights(),
              ", weights streamed once a step");
}

TEST(Plan, TheLargestStageCounts) {
    Plan plan{.stages = {{.name = "text", .bytes = 5}, {.name = "denoise", .bytes = 9}, {.name = "decode", .bytes = 9}},
              .allowed = 9};
    EXPECT_EQ(plan.bytes(), 9U);
    EXPECT_EQ(plan.too_large(), nullptr);
    plan.allowed = 8;
    ASSERT_NE(plan.too_large(), nullptr);
    EXPECT_EQ(plan.too_large()->name, "denoise");
    EXPECT_EQ(plan.find("decode"), &plan.stages[2]);
    EXPECT_EQ(plan.find("encode"), nullptr);
    EXPECT_EQ(Plan().bytes(), 0U);
    plan.limit = "what a limit leaves";
    EXPECT_EQ(plan.about_allowed(), "8 bytes (what a limit leaves)");
}

// All that the user allows, but half of what happens to be free.
TEST(Machine, LeavesRoomWhereMemoryWasNotAsked) {
    Context ctx;
    EXPECT_EQ(machine_of(ctx, int64_t{1} << 30).packing, kGiB);
    const Machine free = machine_of(ctx);
    EXPECT_EQ(free.packing, free.allowed / 2);
}

// What waits prepared is given back when it is needed: it is no less than without it.
TEST(Machine, WhatIsHeldMayBeTaken) {
    Context ctx;
    const size_t held = 8 * kGiB, without = machine_of(ctx).allowed, with = machine_of(ctx, 0, held).allowed;
    EXPECT_NEAR(double(with - without), double(held), double(held) / 4);  // others take and give meanwhile
    EXPECT_EQ(machine_of(ctx, int64_t{1} << 30, held).allowed, kGiB);
}

using Names = std::vector<std::string>;

const Names kOrder{"text", "encode", "denoise", "decode"};

Names leaving_before(const std::string& stage, const std::vector<Held>& held, size_t room) {
    return leaving(kOrder, stage, held, room);
}

TEST(Leaving, NobodyWhereThereIsRoom) {
    EXPECT_EQ(leaving_before("text", {}, 0), Names{});
    EXPECT_EQ(leaving_before("denoise", {{"text", 10}, {"decode", 20}}, 30), Names{});
    EXPECT_EQ(leaving_before("denoise", {{"denoise", 100}}, 0), Names{}) << "what the stage itself uses";
}

// The next film repeats the sequence, so that the one that has just had its turn waits longest.
TEST(Leaving, WhoseTurnComesLastLeavesFirst) {
    const std::vector<Held> all{{"decode", 1}, {"text", 1}, {"denoise", 1}, {"encode", 1}};
    EXPECT_EQ(leaving_before("text", all, 0), (Names{"decode", "denoise", "encode"}));
    EXPECT_EQ(leaving_before("encode", all, 0), (Names{"text", "decode", "denoise"}));
    EXPECT_EQ(leaving_before("denoise", all, 0), (Names{"encode", "text", "decode"}));
    EXPECT_EQ(leaving_before("decode", all, 0), (Names{"denoise", "encode", "text"}));
}

TEST(Leaving, NoMoreThanMust) {
    const std::vector<Held> held{{"text", 10}, {"encode", 20}, {"denoise", 5}, {"decode", 30}};
    EXPECT_EQ(leaving_before("denoise", held, 60), Names{});
    EXPECT_EQ(leaving_before("denoise", held, 59), Names{"encode"});
    EXPECT_EQ(leaving_before("denoise", held, 40), Names{"encode"});
    EXPECT_EQ(leaving_before("denoise", held, 39), (Names{"encode", "text"}));
    EXPECT_EQ(leaving_before("denoise", held, 29), (Names{"encode", "text", "decode"}));
}

TEST(Leaving, WhatNoStageUsesLeavesBeforeAll) {
    EXPECT_EQ(leaving_before("text", {{"decode", 1}, {"upscale", 1}}, 1), Names{"upscale"});
    EXPECT_EQ(leaving_before("decode", {{"upscale", 1}, {"denoise", 1}, {"text", 1}}, 0),
              (Names{"upscale", "denoise", "text"}));
}

// Of 10 bytes: what a stage leaves room for stays, and counts beside it.
TEST(Plan, WhatStaysPreparedCountsBesideTheStages) {
    const std::vector<std::string> order{"text", "encode", "denoise", "decode"};
    Plan plan{.stages = {{.name = "text", .held = 3, .bytes = 4},
                         {.name = "denoise", .held = 2, .bytes = 6},
                         {.name = "decode", .held = 1, .bytes = 8}},
              .allowed = 10};
    const Machine machine{.device = {.id = {Device::cuda}}, .allowed = 10};
    count_beside(plan, machine, order, {{"decode", 1}, {"other", 9}});
    EXPECT_EQ(plan.stages[0].beside, 1U);  // what no stage knows has gone
    EXPECT_EQ(plan.stages[1].beside, 4U);  // of text and decode
    EXPECT_EQ(plan.stages[2].beside, 0U);  // for 8 of 10 denoise goes, whose turn is the later one, and then text
    EXPECT_EQ(plan.bytes(), 10U);
    EXPECT_EQ(plan.too_large(), nullptr);
    EXPECT_EQ(room_beside(plan.stages[2], machine), 2U);
    EXPECT_EQ(room_beside({.bytes = 11}, machine), 0U);
}

}  // namespace
}  // namespace t3video::plan
