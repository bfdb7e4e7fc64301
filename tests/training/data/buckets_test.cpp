// Sizes and lengths of buckets. Lists of sizes are those that musubi-tuner's and diffusion-pipe's rules give.
#include "training/data/buckets.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "support/errors.h"

namespace t3video::training {

static void PrintTo(const Size& size, std::ostream* out) {
    *out << size.width << "x" << size.height;
}

namespace {

using testing::expect_invalid;
using Sizes = std::vector<Size>;

TEST(Buckets, AspectSizesHaveTheArea) {
    EXPECT_EQ(aspect_sizes({128, 96}, 32), (Sizes{{32, 384}, {64, 192}, {96, 128}, {128, 96}, {192, 64}, {384, 32}}));
    const Sizes sizes = aspect_sizes({832, 480}, 16);
    ASSERT_EQ(sizes.size(), 42u);
    EXPECT_EQ(sizes.front(), (Size{304, 1312}));
    EXPECT_EQ(sizes[20], (Size{624, 640}));
    EXPECT_EQ(sizes[30], (Size{832, 480}));
    EXPECT_EQ(sizes.back(), (Size{1312, 304}));
    for (const Size& size : sizes) {
        EXPECT_EQ(size.width % 16 + size.height % 16, 0) << size.width << 'x' << size.height;
        EXPECT_LE(size.width * size.height, 832 * 480);
        EXPECT_GE(size.width * size.height, 832 * 480 * 95 / 100);
    }
    EXPECT_EQ(aspect_sizes({832, 480}, 16), aspect_sizes({480, 832}, 16));
    EXPECT_EQ(aspect_sizes({1280, 704}, 32).size(), 32u);
    EXPECT_EQ(aspect_sizes({16, 16}, 16), (Sizes{{16, 16}}));
}

TEST(Buckets, RatioSizesHaveTheAreaToo) {
    const std::array ratios = {1.0, 1.5, 0.5, 2.0};
    EXPECT_EQ(ratio_sizes({512, 512}, ratios, 16), (Sizes{{368, 720}, {512, 512}, {624, 416}, {720, 368}}));
    EXPECT_EQ(ratio_sizes({32, 32}, std::array{100.0}, 32), (Sizes{{320, 32}}));
}

TEST(Buckets, WrongSizesAreNamed) {
    expect_invalid([] { aspect_sizes({8, 480}, 16); }, {"size 8x480", "16 to"});
    expect_invalid([] { aspect_sizes({int64_t{1} << 40, 480}, 16); }, {"size"});
    expect_invalid([] { ratio_sizes({512, 512}, std::array{0.0}, 16); }, {"ar_buckets 0"});
    expect_invalid([] { ratio_sizes({512, 512}, std::array{std::nan("")}, 16); }, {"ar_buckets"});
    expect_invalid([] { nearest_size({}, {64, 64}, 16, false); }, {"size"});
    expect_invalid([] { nearest_size(Sizes{{854, 480}}, {64, 64}, 16, false); }, {"size 854x480", "multiples of 16"});
    EXPECT_THROW(nearest_size(Sizes{{832, 480}}, {0, 64}, 16, false), Error);
}

TEST(Buckets, ShapeDecidesThenArea) {
    const Sizes sizes = {{832, 480}, {480, 832}, {640, 640}, {1664, 960}};
    const auto nearest = [&](Size shown) { return nearest_size(sizes, shown, 16, false); };
    EXPECT_EQ(nearest({1920, 1080}), (Size{1664, 960}));
    EXPECT_EQ(nearest({960, 540}), (Size{832, 480}));
    EXPECT_EQ(nearest({1080, 1920}), (Size{480, 832}));
    EXPECT_EQ(nearest({500, 510}), (Size{640, 640}));
    // By the logarithm a shape and the same one turned are equally far from the square; by the plain ratio 1 / 1.3
    // would be nearer to 480 / 832.
    EXPECT_EQ(nearest({650, 500}), (Size{640, 640}));
    EXPECT_EQ(nearest({500, 650}), (Size{640, 640}));
    EXPECT_EQ(nearest({700, 500}), (Size{832, 480}));
    EXPECT_EQ(nearest({500, 700}), (Size{480, 832}));
    EXPECT_EQ(nearest_size(Sizes{{64, 64}, {128, 128}, {64, 64}}, {96, 96}, 16, false), (Size{128, 128}));
}

TEST(Buckets, WithoutUpscalingAClipCoversItsBucket) {
    const Sizes sizes = {{832, 480}, {640, 640}, {1664, 960}};
    const auto nearest = [&](Size shown) { return nearest_size(sizes, shown, 16, true); };
    EXPECT_EQ(nearest({1920, 1080}), (Size{1664, 960}));
    EXPECT_EQ(nearest({1600, 900}), (Size{832, 480}));
    EXPECT_EQ(nearest({832, 480}), (Size{832, 480}));
    EXPECT_EQ(nearest({830, 639}), (Size{816, 624}));  // its own
    EXPECT_EQ(nearest({15, 639}), std::nullopt);
}

TEST(Buckets, TheLongestLengthThatIsFilled) {
    const std::array<int64_t, 3> lengths = {33, 1, 81};
    EXPECT_EQ(nearest_length(lengths, 100), 81);
    EXPECT_EQ(nearest_length(lengths, 81), 81);
    EXPECT_EQ(nearest_length(lengths, 80), 33);
    EXPECT_EQ(nearest_length(lengths, 1), 1);
    EXPECT_EQ(nearest_length(lengths, 0), std::nullopt);
}

}  // namespace
}  // namespace t3video::training
