// Residual steps of linear maps: on the CPU the map and the step, with gates, adapters and rows in another order.
#include "nn/residual_linear.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "ops/elementwise.h"
#include "ops/residual.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

bool same(const Tensor& a, const Tensor& b) {
    return std::ranges::equal(a.span<float>(), b.span<float>());
}

TEST(ResidualLinear, IsTheMapAndTheStep) {
    Context ctx;
    const Tensor before = randn(ctx, {5, 12}, 1), h = randn(ctx, {3, 7}, 2), gate = randn(ctx, {2, 12}, 5),
                 scale = randn(ctx, {2, 12}, 6), shift = randn(ctx, {2, 12}, 7), weight = randn(ctx, {12}, 8),
                 order = from_span(ctx, std::array<int64_t, 3>{4, 0, 2});
    for (const bool with_bias : {true, false}) {
        for (const bool adapted : {true, false}) {
            for (const Tensor* by : {&gate, static_cast<const Tensor*>(nullptr)}) {
                SCOPED_TRACE(concat(with_bias, adapted, by != nullptr));
                nn::Linear map(7, 12, with_bias);
                map.weight.value = randn(ctx, {12, 7}, 3);
                if (with_bias) map.bias.value = randn(ctx, {12}, 4);
                if (adapted) {
                    map.adapter.emplace(7, 12, 2, 4.0f);
                    map.adapter->a.value = randn(ctx, {2, 7}, 9);
                    map.adapter->b.value = randn(ctx, {12, 2}, 10);
                }
                const nn::ResidualLinear step(ctx, map, by, 3);
                const Tensor y = map.forward(ctx, h);
                const auto rows = [&](bool anywhere) {
                    if (anywhere) return ops::Rows{clone(ctx, before), order, {order}};
                    return ops::Rows{clone(ctx, before.slice(1, 4)), {}, {.first = 1}};
                };
                for (const bool anywhere : {true, false}) {
                    ops::Rows expected = rows(anywhere), sum = rows(anywhere);
                    Tensor norm = ops::add_norm_modulate(ctx, expected, {y, by}, scale, shift, 2, 1e-6f);
                    EXPECT_TRUE(same(step.add_norm_modulate(ctx, sum, h, scale, shift, 2, 1e-6f), norm));
                    EXPECT_TRUE(same(sum.data, expected.data));
                    EXPECT_FALSE(same(sum.data, rows(anywhere).data));
                    expected = rows(anywhere), sum = rows(anywhere);
                    norm = ops::add_layer_norm(ctx, expected, {y, by}, weight, weight, 2, 1e-6f);
                    EXPECT_TRUE(same(step.add_layer_norm(ctx, sum, h, weight, weight, 2, 1e-6f), norm));
                    EXPECT_TRUE(same(sum.data, expected.data));
                    sum = rows(anywhere);
                    if (!by && anywhere) {
                        EXPECT_THROW(step.add(ctx, sum, h, 2), Error);
                        continue;
                    }
                    step.add(ctx, sum, h, 2);
                    EXPECT_TRUE(same(sum.data, expected.data));
                }
            }
        }
    }
}

TEST(ResidualLinear, FoldsNoGateOnTheCpu) {
    Context ctx;
    EXPECT_FALSE(ops::adds_products(ctx, 1000000, 1536));
    EXPECT_THROW(ops::fold_gate(ctx, randn(ctx, {12, 8}, 1), nullptr, nullptr), Error);
}

}  // namespace
}  // namespace t3video
