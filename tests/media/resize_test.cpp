// Resampling against direct sums in double precision.
#include "media/resize.h"

#include <algorithm>
#include <numbers>

#include "media_fixture.h"
#include "support/memory.h"

namespace t3video::media {
namespace {

Image fitted(const Image& image, const Fitting& fitting, int threads) {
    Image result(fitting.width, fitting.height);
    int64_t next = 0;
    Resizer resizer(fitting, threads, [&](int64_t y, const uint8_t* row) {
        EXPECT_EQ(y, next++);
        std::copy_n(row, result.row_bytes(), result.pixel(0, y));
    });
    for (int64_t y = 0; y < image.height; ++y) resizer.add(image.pixel(0, y));
    EXPECT_EQ(next, fitting.height);
    return result;
}

Image resize(const Image& image, int64_t width, int64_t height, Filter filter, int threads = 1) {
    return fitted(image, stretching(image.width, image.height, width, height, filter), threads);
}

Image cover(const Image& image, int64_t width, int64_t height, Filter filter, int threads = 1) {
    return fitted(image, covering(image.width, image.height, width, height, filter), threads);
}

double kernel(Filter filter, double x) {
    x = std::abs(x);
    if (filter == Filter::bicubic) {
        if (x < 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
        return x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0;
    }
    if (x >= 3) return 0;
    const auto sinc = [](double v) { return v == 0 ? 1 : std::sin(std::numbers::pi * v) / (std::numbers::pi * v); };
    return sinc(x) * sinc(x / 3);
}

// Sample (x, y) of channel c of the image at width x height, a sum over all of its pixels.
double direct(const Image& image, double width, double height, int64_t x, int64_t y, int c, Filter filter) {
    const double step_x = double(image.width) / width, step_y = double(image.height) / height;
    const double sx = std::max(1.0, step_x), sy = std::max(1.0, step_y);
    double sum = 0, weights = 0;
    for (int64_t j = 0; j < image.height; ++j) {
        for (int64_t i = 0; i < image.width; ++i) {
            const double weight = kernel(filter, (double(i) + 0.5 - (double(x) + 0.5) * step_x) / sx) *
                                  kernel(filter, (double(j) + 0.5 - (double(y) + 0.5) * step_y) / sy);
            sum += weight * image.pixel(i, j)[c];
            weights += weight;
        }
    }
    return std::clamp(sum / weights, 0.0, 255.0);
}

TEST(Resize, IsTheDirectSum) {
    const Image image = moving_picture(37, 29, 3);
    for (const Filter filter : {Filter::bicubic, Filter::lanczos}) {
        for (const auto& [width, height] : {std::pair<int64_t, int64_t>{91, 70}, {13, 44}, {36, 7}, {1, 1}, {3, 300}}) {
            const Image result = resize(image, width, height, filter, 2);
            ASSERT_EQ(result.width, width);
            ASSERT_EQ(result.height, height);
            for (int64_t y = 0; y < height; ++y) {
                for (int64_t x = 0; x < width; ++x) {
                    for (int c = 0; c < 3; ++c) {
                        EXPECT_NEAR(result.pixel(x, y)[c],
                                    direct(image, double(width), double(height), x, y, c, filter), 0.51)
                            << width << "x" << height << " at " << x << "," << y;
                    }
                }
            }
        }
    }
}

TEST(Resize, CoverCutsTheMiddle) {
    const Image image = moving_picture(40, 30, 1);
    // Factor 1.5: 60x45, of which five columns are cut off on each side.
    const Image result = cover(image, 50, 45, Filter::lanczos), tall = cover(image, 20, 45, Filter::lanczos);
    ASSERT_EQ(result.width, 50);
    ASSERT_EQ(result.height, 45);
    const Image whole = resize(image, 60, 45, Filter::lanczos);
    for (int64_t y = 0; y < 45; ++y) {
        for (int64_t i = 0; i < 50 * 3; ++i) ASSERT_EQ(result.pixel(0, y)[i], whole.pixel(5, y)[i]) << y << " " << i;
        for (int64_t i = 0; i < 20 * 3; ++i) ASSERT_EQ(tall.pixel(0, y)[i], whole.pixel(20, y)[i]) << y << " " << i;
    }
}

TEST(Resize, SameSizeIsACopy) {
    const Image image = moving_picture(40, 30, 1);
    EXPECT_TRUE(resize(image, 40, 30, Filter::bicubic) == image);
    EXPECT_TRUE(cover(image, 40, 30, Filter::lanczos) == image);
}

TEST(Resize, ThreadsDoNotShow) {
    const Image image = moving_picture(120, 200, 1);
    EXPECT_TRUE(cover(image, 99, 150, Filter::lanczos, 1) == cover(image, 99, 150, Filter::lanczos, 3));
}

// Rows of the source are not kept: of 4096 rows, 48 KiB each, memory holds a block. The plan counts on bytes().
TEST(Resize, MemoryIsAsSaid) {
    if (!testing::kMemoryIsMeasurable) GTEST_SKIP() << "the sanitizer keeps memory of its own";
    constexpr int64_t kWidth = 16384, kHeight = 4096;
    const Fitting fitting = covering(kWidth, kHeight, 512, 128, Filter::lanczos);
    EXPECT_LT(Resizer::bytes(fitting), int64_t{8} << 20);
    EXPECT_GT(Resizer::bytes(fitting), 32 * kWidth * 3);
    EXPECT_EQ(Resizer::bytes(covering(64, 64, 64, 64, Filter::lanczos)), 0);
    const std::vector<uint8_t> row(kWidth * 3, 77);
    const int64_t before = testing::memory_kb("VmRSS");
    int64_t most = before, rows = 0;
    Resizer resizer(fitting, 2, [&](int64_t, const uint8_t* out) { rows += out[700] == 77; });
    for (int64_t y = 0; y < kHeight; ++y) {
        resizer.add(row.data());
        if (y % 256 == 255) most = std::max(most, testing::memory_kb("VmRSS"));
    }
    EXPECT_EQ(rows, 128);
    EXPECT_LT(most - before, (Resizer::bytes(fitting) >> 10) + 4096);
}

}  // namespace
}  // namespace t3video::media
