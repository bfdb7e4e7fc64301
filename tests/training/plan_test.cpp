// What a training step takes, before it runs.
#include <algorithm>

#include "film/published.h"
#include "support/training.h"

namespace t3video::training {
namespace {

using namespace testing;

// The allocator's peak over two steps of so many samples each, beside the plan's.
void expect_planned(const TrainOptions& options, int64_t count = 1) {
    Context ctx;
    const t3::WindowLayout layout = load_layout();
    std::vector<Sample> samples;
    for (int64_t i = 0; i < count; ++i) samples.push_back(load_sample(ctx, i));
    const StepPlan plan = plan_step(load_dit(), layout, samples[0].latents.shape(), samples[0].text.rows.dim(0), 0,
                                    options, plan::machine_of(ctx), count);
    ctx.allocator().trim();
    ctx.allocator().reset_peak();
    const size_t before = ctx.allocator().peak();
    Trainer trainer(ctx, load_dit(), options);
    const t3::LayoutWindows windows(ctx, layout, count);
    const Work start = ctx.work();
    trainer.add(ctx, samples, windows);
    trainer.update(ctx, 1e-4);
    const Work work = ctx.work() - start;
    trainer.add(ctx, samples, windows);
    trainer.update(ctx, 1e-4);
    const auto peak = static_cast<double>(ctx.allocator().peak() - before);
    EXPECT_LT(peak, 1.05 * static_cast<double>(plan.bytes));
    // Threads whose turns do not meet take less.
    EXPECT_GT(peak, 0.85 * static_cast<double>(plan.bytes));
    EXPECT_DOUBLE_EQ(work.matrix, plan.total().matrix);
    EXPECT_DOUBLE_EQ(work.attention, plan.total().attention);
}

TEST(StepPlan, HoldsOnTheCpu) {
    expect_planned({});
    expect_planned({.adapters = AdapterOptions{.rank = 4}});
    expect_planned({.optimizer = {.moments_in_8_bits = true}});
    expect_planned({.streams = nn::StreamPlace::host, .optimizer = {.moments_on_host = true}});
}

TEST(StepPlan, HoldsOfSeveralSamples) {
    expect_planned({}, 4);
    expect_planned({.adapters = AdapterOptions{.rank = 4}, .streams = nn::StreamPlace::host}, 3);
}

// What follows from tokens comes once for each sample, what follows from weights once.
TEST(StepPlan, OfSeveralSamplesTakesLessThanTheySeparately) {
    const plan::Machine machine{.device = {.id = {Device::cuda}, .major = 9, .multiprocessors = 132},
                                .compute_type = DType::bf16};
    const auto plan = [&](int64_t samples) {
        return plan_step(load_dit(), load_layout(), {48, 3, 16, 24}, 40, 9, {}, machine, samples);
    };
    const StepPlan one = plan(1), eight = plan(8);
    EXPECT_GT(eight.bytes, one.bytes);
    EXPECT_LT(eight.bytes, 8 * one.bytes);
    EXPECT_DOUBLE_EQ(eight.forward.attention, 8 * one.forward.attention);
    EXPECT_DOUBLE_EQ(eight.backward.attention, 8 * one.backward.attention);
    EXPECT_DOUBLE_EQ(eight.forward.matrix, 8 * one.forward.matrix);
    EXPECT_DOUBLE_EQ(eight.update.bytes, one.update.bytes);
    EXPECT_THROW(plan(0), InvalidRequest);
}

// Of the released model at 4K, for a GPU: what is kept elsewhere is not taken there.
TEST(StepPlan, OptionsTakeWhatTheyPromise) {
    const plan::Machine machine{
        .device = {.id = {Device::cuda}, .major = 9, .multiprocessors = 132, .sm_90a_code = true},
        .compute_type = DType::bf16};
    const auto networks = film::published_networks("wan2.1-1.3b");
    const t3::WindowLayout layout = t3::published_layout(16).value();
    const auto plan = [&](const TrainOptions& options) {
        return plan_step(networks.dit(), layout, {16, 21, 272, 480}, 100, 412, options, machine);
    };
    const StepPlan whole = plan({}), host = plan({.streams = nn::StreamPlace::host}),
                   adapters = plan({.adapters = AdapterOptions{.rank = 64}}),
                   small = plan({.optimizer = {.moments_in_8_bits = true}});
    constexpr double kGiB = 1 << 30;
    const double streams = 30.0 * 685440 * 1536 * 2 / kGiB;
    const auto gib = [](size_t bytes) { return static_cast<double>(bytes) / kGiB; };
    EXPECT_NEAR(gib(whole.bytes) - gib(host.bytes), streams, 0.1 * streams);
    EXPECT_NEAR(gib(host.host_bytes), streams, 0.01);
    EXPECT_LT(gib(host.bytes), 76);
    EXPECT_LT(gib(adapters.bytes), gib(whole.bytes) - 19);
    EXPECT_NEAR(gib(whole.bytes) - gib(small.bytes), 1.42e9 * 6 / kGiB, 0.8);
    // Forward, the same again, and a backward of twice the products and two and a half times the attention.
    EXPECT_NEAR(whole.backward.matrix / whole.forward.matrix, 3.0, 0.05);
    EXPECT_NEAR(whole.backward.attention / whole.forward.attention, 3.5, 0.05);
}

}  // namespace
}  // namespace t3video::training
