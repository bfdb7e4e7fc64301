// Spectra against a transform as its definition has it.
#include "evaluation/meters/spectrum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <numbers>
#include <random>

namespace t3video::evaluation {
namespace {

using Luma = std::vector<float>;  // [height, width]

Luma draw(int64_t width, int64_t height, const std::function<double(int64_t x, int64_t y)>& picture) {
    Luma luma;
    for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) luma.push_back(float(picture(x, y)));
    }
    return luma;
}

// Uniform noise of a deviation of 20 levels.
Luma noise(int64_t width, int64_t height, unsigned seed) {
    std::mt19937 random(seed);
    return draw(width, height, [&](int64_t, int64_t) {
        return 128 + 20 * std::sqrt(12.0) * (double(random()) / double(std::mt19937::max()) - 0.5);
    });
}

std::vector<Value> measure(int64_t width, int64_t height, const std::vector<Luma>& frames) {
    const auto meter = spectrum_meter({width, height, static_cast<int64_t>(frames.size()), 16});
    for (const Luma& luma : frames) {
        Frame frame;
        frame.image = media::Image(width, height);
        frame.luma = luma;
        meter->take(frame, nullptr);
    }
    return meter->values();
}

// Mean power of each frequency (v, u) of tiles of `side`, one row of tiles and columns after another from (left, top).
std::vector<double> naive_power(const Luma& luma, int64_t width, int64_t left, int64_t top, int64_t columns,
                                int64_t rows, int64_t side) {
    std::vector<double> power(static_cast<size_t>(side * side));
    const auto window = [&](int64_t x) {
        return 0.5 - 0.5 * std::cos(2 * std::numbers::pi * double(x) / double(side));
    };
    double window_power = 0;
    for (int64_t x = 0; x < side; ++x) window_power += window(x) * window(x);
    for (int64_t tile = 0; tile < rows * columns; ++tile) {
        const auto at = [&](int64_t x, int64_t y) {
            const int64_t row = top + tile / columns * side + y, column = left + tile % columns * side + x;
            return double(luma[static_cast<size_t>(row * width + column)]);
        };
        double mean = 0;
        for (int64_t i = 0; i < side * side; ++i) mean += at(i % side, i / side) / double(side * side);
        // Rows, then columns: [v, u].
        const auto turn = [&](int64_t product) {
            return std::polar(1.0, -2 * std::numbers::pi * double(product % side) / double(side));
        };
        std::vector<std::complex<double>> of_rows(power.size());
        for (int64_t y = 0; y < side; ++y) {
            for (int64_t u = 0; u < side; ++u) {
                for (int64_t x = 0; x < side; ++x)
                    of_rows[static_cast<size_t>(y * side + u)] +=
                        (at(x, y) - mean) * window(x) * window(y) * turn(u * x);
            }
        }
        for (int64_t v = 0; v < side; ++v) {
            for (int64_t u = 0; u < side; ++u) {
                std::complex<double> sum;
                for (int64_t y = 0; y < side; ++y) sum += of_rows[static_cast<size_t>(y * side + u)] * turn(v * y);
                power[static_cast<size_t>(v * side + u)] +=
                    std::norm(sum) / window_power / window_power / double(rows * columns);
            }
        }
    }
    return power;
}

double radius_of(size_t i, int64_t side) {
    const auto u = static_cast<int64_t>(i) % side, v = static_cast<int64_t>(i) / side;
    return std::hypot(double(std::min(u, side - u)), double(std::min(v, side - v))) / double(side);
}

class Spectrum : public ::testing::Test {
    void SetUp() override {
        if (!spectrum_meter({64, 64, 1, 16})) GTEST_SKIP() << "this build has no OpenCV";
    }
};

TEST(SpectrumMetrics, AreKnownInEveryBuild) {
    ASSERT_EQ(spectrum_metrics().size(), 2U);
    EXPECT_EQ(spectrum_metrics()[0].name, "fine_share");
    EXPECT_EQ(spectrum_metrics()[1].name, "fine_detail");
}

TEST_F(Spectrum, IsTheOneOfTheDefinition) {
    // Three tiles of 32 in the middle, 5 columns left over on either side and one more, 7 rows and one more.
    const int64_t width = 107, height = 47, side = 32;
    const Luma grain = noise(width, height, 1);
    const Luma luma = draw(width, height, [&](int64_t x, int64_t y) {
        return 40 * std::sin(0.4 * double(x)) + 20 * std::cos(1.9 * double(y)) +
               0.3 * double(grain[static_cast<size_t>(y * width + x)]);
    });
    const std::vector<double> power = naive_power(luma, width, 5, 7, 3, 1, side);
    double fine = 0, all = 0;
    std::vector<double> rings(8), counts(8);
    for (size_t i = 1; i < power.size(); ++i) {
        const double radius = radius_of(i, side);
        all += power[i];
        if (radius > 0.25) fine += power[i];
        if (radius >= 0.5) continue;
        rings[static_cast<size_t>(radius * 16)] += power[i];
        ++counts[static_cast<size_t>(radius * 16)];
    }
    const auto values = measure(width, height, {luma});
    EXPECT_NEAR(values[0].value, 100 * fine / all, 1e-3);
    ASSERT_EQ(values[0].parts.size(), rings.size());
    for (size_t i = 0; i < rings.size(); ++i)
        EXPECT_NEAR(values[0].parts[i], 10 * std::log10(rings[i] / counts[i]), 1e-3) << i;
}

TEST_F(Spectrum, OfWhiteNoiseIsFlat) {
    const auto values = measure(600, 530, {noise(600, 530, 2), noise(600, 530, 3)});
    EXPECT_NEAR(values[0].value, 100 * (1 - std::numbers::pi / 16), 0.3);
    ASSERT_EQ(values[0].parts.size(), 64U);
    double mean = 0;
    for (size_t i = 1; i < 64; ++i) mean += values[0].parts[i] / 63;
    EXPECT_NEAR(mean, 20 * std::log10(20), 0.2);
    EXPECT_GT(values[1].value, 10);
}

TEST_F(Spectrum, SeesThatAFilmWasEnlarged) {
    // The same noise at half the size, and between its pixels by straight lines or parabolas.
    const int64_t width = 512, height = 288;
    const Luma small = noise(width / 2, height / 2, 4);
    const auto at = [&](int64_t x, int64_t y) {
        x = std::clamp<int64_t>(x, 0, width / 2 - 1);
        y = std::clamp<int64_t>(y, 0, height / 2 - 1);
        return double(small[static_cast<size_t>(y * (width / 2) + x)]);
    };
    const auto cubic = [](double d) {  // Keys' kernel with a = -0.75, as OpenCV has it
        d = std::abs(d);
        return d < 1 ? (1.25 * d - 2.25) * d * d + 1 : d < 2 ? ((-0.75 * d + 3.75) * d - 6) * d + 3 : 0;
    };
    const Luma enlarged = draw(width, height, [&](int64_t x, int64_t y) {
        const double px = (double(x) + 0.5) / 2 - 0.5, py = (double(y) + 0.5) / 2 - 0.5;
        double sum = 0;
        for (auto i = int64_t(std::floor(py)) - 1; i <= int64_t(std::floor(py)) + 2; ++i) {
            for (auto j = int64_t(std::floor(px)) - 1; j <= int64_t(std::floor(px)) + 2; ++j)
                sum += at(j, i) * cubic(py - double(i)) * cubic(px - double(j));
        }
        return sum;
    });
    const double of_enlarged = measure(width, height, {enlarged})[1].value;
    const double of_noise = measure(width, height, {noise(width, height, 5)})[1].value;
    EXPECT_NEAR(of_enlarged, 0, 4.5);  // means of areas lose some of what was white
    EXPECT_GT(of_noise, of_enlarged + 8);
    // And the more of the fine noise is there, the more is seen.
    const Luma grain = noise(width, height, 6);
    double last = of_enlarged;
    for (const double strength : {0.1, 0.3, 1.0}) {
        Luma mixed = enlarged;
        for (size_t i = 0; i < mixed.size(); ++i) mixed[i] += float(strength) * (grain[i] - 128);
        const double value = measure(width, height, {mixed})[1].value;
        EXPECT_GT(value, last) << strength;
        last = value;
    }
}

TEST_F(Spectrum, RoundingIsNoDetail) {
    const auto smooth = [](int64_t x, int64_t y) {
        return 128 + 60 * std::sin(0.013 * double(x) + 0.021 * double(y)) + 20 * std::sin(0.05 * double(x));
    };
    const Luma rounded = draw(512, 256, [&](int64_t x, int64_t y) { return std::round(smooth(x, y)); });
    const auto values = measure(512, 256, {rounded});
    EXPECT_LT(values[0].value, 0.2);
    EXPECT_NEAR(values[1].value, 0, 3.1);
}

TEST_F(Spectrum, SaysWhyThereIsNoValue) {
    const auto small = measure(40, 31, {noise(40, 31, 7)});
    for (const Value& value : small) {
        EXPECT_FALSE(std::isfinite(value.value));
        EXPECT_EQ(value.note, "the frames are smaller than 32 pixels");
    }
    const auto plain = measure(64, 64, {Luma(64 * 64, 77.0F)});
    EXPECT_FALSE(std::isfinite(plain[0].value));
    EXPECT_EQ(plain[0].note, "the film is of one brightness");
    EXPECT_NEAR(plain[1].value, 0, 1e-6);
}

TEST_F(Spectrum, TakesOddSizes) {
    for (const auto& [width, height] : {std::pair{33, 65}, {129, 32}, {257, 301}}) {
        const auto values = measure(width, height, {noise(width, height, 8)});
        EXPECT_NEAR(values[0].value, 80.4, 6) << width << "x" << height;
        EXPECT_GT(values[1].value, 8) << width << "x" << height;
    }
}

}  // namespace
}  // namespace t3video::evaluation
