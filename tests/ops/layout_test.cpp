// Moving data: every element lands where its formula says.
#include "ops/layout.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

TEST(Layout, Transpose) {
    Context ctx;
    const Tensor x = randn(ctx, {37, 50}, 1), y = ops::transpose(ctx, x);
    for (int64_t r = 0; r < 37; ++r) {
        for (int64_t c = 0; c < 50; ++c) ASSERT_EQ(y.data<float>()[c * 37 + r], x.data<float>()[r * 50 + c]);
    }
}

TEST(Layout, GatherRowsConvertsAndChecks) {
    Context ctx;
    const Tensor table = randn(ctx, {6, 9}, 1, DType::bf16),
                 rows = ops::gather_rows(ctx, table, std::vector<int64_t>{5, 0, 5});
    const auto values = doubles(ctx, table);
    for (int64_t c = 0; c < 9; ++c) {
        EXPECT_EQ(rows.data<float>()[c], values[size_t(45 + c)]);
        EXPECT_EQ(rows.data<float>()[9 + c], values[size_t(c)]);
    }
    EXPECT_THROW(ops::gather_rows(ctx, table, std::vector<int64_t>{6}), Error);
    EXPECT_THROW(ops::gather_rows(ctx, table, std::vector<int64_t>{-1}), Error);
}

TEST(Layout, ConcatAndColumns) {
    Context ctx;
    const Tensor a = randn(ctx, {2, 7}, 1), b = randn(ctx, {3, 7}, 2), joined = ops::concat(ctx, std::array{a, b});
    EXPECT_EQ(joined.shape(), (Shape{5, 7}));
    EXPECT_EQ(joined.data<float>()[14], b.data<float>()[0]);
    const Tensor middle = ops::columns(ctx, joined, 2, 5);
    EXPECT_EQ(middle.shape(), (Shape{5, 3}));
    EXPECT_EQ(middle.data<float>()[3 * 4 + 1], joined.data<float>()[7 * 4 + 3]);
    EXPECT_THROW(ops::concat(ctx, std::array{a, randn(ctx, {2, 6}, 3)}), Error);
}

// Patches hold channels slowest, the head's rows hold channels fastest.
TEST(Layout, PatchesAndTheirInverse) {
    Context ctx;
    const int64_t channels = 3, frames = 2, height = 4, width = 6;
    const Tensor x = randn(ctx, {channels, frames, height, width}, 1), p = ops::patchify(ctx, x);
    ASSERT_EQ(p.shape(), (Shape{frames * 2 * 3, channels * 4}));
    Tensor rows = empty_like(ctx, p);
    for (int64_t token = 0; token < p.dim(0); ++token) {
        const int64_t t = token / 6, h = token / 3 % 2, w = token % 3;
        for (int64_t c = 0; c < channels; ++c) {
            for (int64_t cell = 0; cell < 4; ++cell) {
                const float value =
                    x.data<float>()[((c * frames + t) * height + 2 * h + cell / 2) * width + 2 * w + cell % 2];
                ASSERT_EQ(p.data<float>()[token * 12 + c * 4 + cell], value);
                rows.data<float>()[token * 12 + cell * channels + c] = value;
            }
        }
    }
    const Tensor back = ops::unpatchify(ctx, rows, {frames, 2, 3});
    EXPECT_TRUE(std::ranges::equal(back.span<float>(), x.span<float>()));
    EXPECT_THROW(ops::patchify(ctx, randn(ctx, {1, 1, 3, 4}, 1)), Error);
}

}  // namespace
}  // namespace t3video
