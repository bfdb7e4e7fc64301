// Shape: axes, bounds, overflow.
#include "core/shape.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/error.h"

namespace t3video {
namespace {

TEST(Shape, CountsAndPrints) {
    const Shape shape{2, 3, 4};
    EXPECT_EQ(shape.rank(), 3);
    EXPECT_EQ(shape.numel(), 24);
    EXPECT_EQ(shape[0], 2);
    EXPECT_EQ(shape.dim(-1), 4);
    EXPECT_EQ(shape.str(), "[2, 3, 4]");
    EXPECT_EQ(Shape{}.numel(), 1);
    EXPECT_EQ((Shape{5, 0}).numel(), 0);
}

TEST(Shape, RejectsAxesOutside) {
    const Shape shape{2, 3};
    EXPECT_THROW((void)shape.dim(2), Error);
    EXPECT_THROW((void)shape.dim(-3), Error);
    EXPECT_THROW((void)Shape{}.dim(0), Error);
    Shape changed = shape;
    changed.set_dim(-1, 7);
    EXPECT_EQ(changed, (Shape{2, 7}));
    EXPECT_THROW(changed.set_dim(2, 1), Error);
    EXPECT_THROW(changed.set_dim(0, -1), Error);
}

TEST(Shape, RejectsImpossibleExtents) {
    constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
    EXPECT_THROW((Shape{2, -1}), Error);
    EXPECT_THROW((Shape{kHuge, 2}), Error);
    EXPECT_EQ((Shape{kHuge, 1}).numel(), kHuge);
    EXPECT_EQ((Shape{1, 1, 1, 1, 1, 1}).rank(), Shape::kMaxRank);
    EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1}), Error);
}

TEST(Shape, ComparesRankToo) {
    EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
    EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
    EXPECT_NE((Shape{2}), (Shape{2, 1}));
}

TEST(Grid, CountsTokens) {
    EXPECT_EQ((Grid{21, 136, 240}).tokens(), 685440);
}

}  // namespace
}  // namespace t3video
