// Contexts of one card and of two, on the thread that made them and on others, give the bits of one alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <numeric>
#include <optional>

#include "cuda/devices.h"
#include "ops/attention.h"
#include "ops/conv3d.h"
#include "ops/devices.h"
#include "ops/linear.h"
#include "ops/stopwatch.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

Context context_on(int ordinal) {
    return Context(cuda::make_backend(ordinal, DType::bf16, size_t{3} << 30), 1);
}

// Uploads of every kind, libraries' products, attention and convolution, kernels of our own, a download.
Tensor computed_with(Context& ctx, uint32_t seed) {
    Context host(1);
    ops::Stopwatch watch(ctx);
    const auto random = [&](Shape shape, uint32_t more) {
        return to_device(ctx, randn(host, std::move(shape), seed + more, DType::bf16));
    };
    const Tensor x = random({384, 256}, 0), kernel = random({64, 256, 3, 3, 3}, 1),
                 weight = randn(host, {256, 256}, seed + 2, DType::bf16);
    const auto pinned = ctx.allocator().allocate_pinned(weight.bytes());
    std::memcpy(pinned->data(), weight.raw(), weight.bytes());
    Tensor device_weight = empty(ctx, weight.shape(), DType::bf16);
    ctx.allocator().wait_for(ctx.allocator().upload_beside(device_weight.raw(), pinned->data(), weight.bytes()));
    Tensor y = ops::linear(ctx, x, device_weight);
    y = ops::attention(ctx, y, y, y, {.heads = 2, .scale = 0.01f});
    ops::TokenWindows windows;
    windows.order.resize(384);
    std::iota(windows.order.begin(), windows.order.end(), 0);
    std::ranges::reverse(windows.order);
    windows.starts = {0, 192, 384};
    ops::upload_windows(ctx, windows);
    const ops::TokenWindows* const branches[] = {&windows};
    y = ops::window_attention(ctx, y, y, y, 2, 0.01f, branches);
    y = ops::conv3d(ctx, y.reshape({2, 12, 16, 256}), kernel, nullptr,
                    {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1, .pad_front = 2});
    watch.seconds();
    return to_host(ctx, y);
}

bool same_bits(const Tensor& a, const Tensor& b) {
    return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

// On cards `first` and `second`, which may be one.
void expect_as_alone(int first, int second) {
    const auto alone = [](int ordinal, uint32_t seed) {
        Context ctx = context_on(ordinal);
        return computed_with(ctx, seed);
    };
    const Tensor expected[] = {alone(first, 1), alone(second, 2)};
    Context contexts[] = {context_on(first), context_on(second)};
    const auto run = [&](size_t i) { return same_bits(computed_with(contexts[i], uint32_t(i) + 1), expected[i]); };
    for (int round = 0; round < 3; ++round) {  // by turns
        EXPECT_TRUE(run(0));
        EXPECT_TRUE(run(1));
    }
    const auto often = [&](size_t i) {
        int same = 0;
        for (int round = 0; round < 10; ++round) same += run(i);
        return same;
    };
    auto other = std::async(std::launch::async, often, 1);  // on a thread that is new to CUDA
    EXPECT_EQ(often(0), 10);
    EXPECT_EQ(other.get(), 10);
    for (Context& ctx : contexts) ctx.allocator().trim();
}

TEST(TwoContexts, OfOneCard) {
    if (ops::gpus().empty()) GTEST_SKIP() << "no GPU";
    expect_as_alone(0, 0);
}

TEST(TwoContexts, OfTwoCards) {
    if (ops::gpus().size() < 2) GTEST_SKIP() << "one GPU at most";
    expect_as_alone(0, 1);
    expect_as_alone(1, 0);
}

// Blocks and timers that outlive the work, let go on another thread.
TEST(TwoContexts, AreFreedAnywhere) {
    if (ops::gpus().empty()) GTEST_SKIP() << "no GPU";
    const int last = static_cast<int>(ops::gpus().size()) - 1;
    std::optional<Context> ctx = context_on(last);
    Context host(1);
    Tensor x = to_device(*ctx, randn(host, {1 << 20}, 1));
    {
        ops::Stopwatch watch(*ctx);
        fill_zero(*ctx, x);
        EXPECT_GT(watch.seconds(), 0);
    }
    const Tensor zeros = to_host(*ctx, x);
    EXPECT_TRUE(std::ranges::all_of(zeros.span<float>(), [](float v) { return v == 0; }));
    std::async(std::launch::async, [&] {
        ctx.reset();
        x = Tensor();
    }).get();
    Context again = context_on(last);
    EXPECT_TRUE(same_bits(computed_with(again, 3), computed_with(again, 3)));
}

}  // namespace
}  // namespace t3video
