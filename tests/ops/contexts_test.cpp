// Contexts: two on two threads do not meet, and one that only counts counts for the device it was told of.
#include "tensor/context.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "ops/attention.h"
#include "ops/conv3d.h"
#include "ops/linear.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

// Products with plans and packed weights, attention, convolution.
std::vector<float> computed_with(Context& ctx, uint32_t seed) {
    const Tensor x = randn(ctx, {96, 64}, seed), weight = randn(ctx, {64, 64}, seed + 1),
                 kernel = randn(ctx, {24, 64, 3, 3, 3}, seed + 2);
    Tensor y = ops::linear(ctx, x, ops::prepare(ctx, weight, ops::Role::matrix, ops::Uses::many));
    y = ops::attention(ctx, y, y, y, {.heads = 4, .scale = 0.1f});
    y = ops::conv3d(ctx, y.reshape({2, 6, 8, 64}), kernel, nullptr,
                    {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1, .pad_front = 2});
    return {y.span<float>().begin(), y.span<float>().end()};
}

TEST(Contexts, TwoOnTwoThreads) {
    const auto alone = [](uint32_t seed) {
        Context ctx(2);
        return computed_with(ctx, seed);
    };
    const std::vector<float> expected[] = {alone(1), alone(2)};
    Context contexts[] = {Context(2), Context(2)};
    const auto run = [&](size_t i) {
        int same = 0;
        for (int round = 0; round < 20; ++round) same += computed_with(contexts[i], uint32_t(i) + 1) == expected[i];
        return same;
    };
    auto other = std::async(std::launch::async, run, 1);  // on another thread than made it
    EXPECT_EQ(run(0), 20);
    EXPECT_EQ(other.get(), 20);
    EXPECT_EQ(contexts[0].work(), contexts[1].work());
}

// Frames with zero columns on one side are laid out for a library's convolution, and read where they lie by our own.
TEST(Contexts, CountForTheDeviceOfTheirTraits) {
    const auto peak = [](Context ctx) {
        const Tensor x = empty(ctx, {3, 32, 32, 64}, DType::bf16), kernel = empty(ctx, {64, 64, 3, 3, 3}, DType::bf16);
        ops::conv3d(ctx, x, kernel, nullptr, {.pad_right = 2});
        return ctx.allocator().peak();
    };
    DeviceTraits gpu{.id = {Device::cuda, 1}, .name = "some"};
    const Context counting = make_meta_context(DType::bf16, gpu);
    EXPECT_EQ(counting.device(), Device::meta);
    EXPECT_EQ(counting.target(), Device::cuda);
    EXPECT_EQ(counting.traits().id, gpu.id);
    const size_t plain = peak(make_meta_context(DType::bf16, gpu));
    EXPECT_EQ(peak(make_meta_context(DType::bf16, Device::cuda)), plain);
    gpu.sm_90a_code = true;
    EXPECT_LT(peak(make_meta_context(DType::bf16, gpu)) + (size_t{32} << 20), plain);
    EXPECT_EQ(make_meta_context(DType::f32, DeviceTraits{}).target(), Device::cpu);
    EXPECT_EQ(Context(1).traits().id, DeviceId{});
}

// On a GPU a wide head is two products and a softmax over scores in memory; narrow ones keep theirs on the chip, and
// read and write queries, keys, values and the result.
TEST(Contexts, CountAttentionAsTheDeviceComputesIt) {
    constexpr double kQueries = 300, kKeys = 200;
    const auto work = [&](const DeviceTraits& device, int64_t heads) {
        Context ctx = make_meta_context(DType::bf16, device);
        const Tensor q = empty(ctx, {300, 384}, DType::bf16), kv = empty(ctx, {200, 384}, DType::bf16);
        ops::attention(ctx, q, kv, kv, {.heads = heads, .scale = 0.1f});
        return ctx.work();
    };
    constexpr double kFlop = 4 * kQueries * kKeys * 384, kMoved = 2 * 384 * (2 * kQueries + 2 * kKeys);
    const DeviceTraits gpu{.id = {Device::cuda}};
    EXPECT_EQ(work(gpu, 1), (Work{.matrix = kFlop, .bytes = kQueries * kKeys * (2 * 4 + 2)}));
    EXPECT_EQ(work(gpu, 3), (Work{.attention = kFlop, .bytes = kMoved}));
    EXPECT_EQ(work({}, 1), (Work{.attention = kFlop}));
}

// A second branch of windows is gathered, unless its windows are tiny.
TEST(Contexts, CountTheWindowsThatAreGathered) {
    const auto bytes = [&](int64_t window) {
        Context ctx = make_meta_context(DType::bf16, DeviceTraits{.id = {Device::cuda}});
        const Tensor x = empty(ctx, {1024, 128}, DType::bf16);
        ops::TokenWindows first{.counted = {1024, window, window, double(1024 * window)}}, second = first;
        first.in_order = true;
        const ops::TokenWindows* const branches[] = {&first, &second};
        ops::window_attention(ctx, x, x, x, 1, 0.1f, branches);
        return ctx.work().bytes;
    };
    EXPECT_EQ(bytes(128), 6 * 1024 * 128 * 2);
    EXPECT_EQ(bytes(64), 0);
}

}  // namespace
}  // namespace t3video
