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

}  // namespace
}  // namespace t3video
