// Colours that drift against CIELAB in plain loops.
#include "evaluation/meters/colour.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/hash_normal.h"

namespace t3video::evaluation {
namespace {

using Colour = std::array<double, 3>;

Frame frame_of(int64_t width, int64_t height, auto&& colour_at) {
    Frame frame;
    frame.image = media::Image(width, height);
    for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
            const std::array<int, 3> rgb = colour_at(x, y);
            std::copy_n(rgb.begin(), 3, frame.image.pixel(x, y));
        }
    }
    return frame;
}

Frame plain(int r, int g, int b) {
    return frame_of(7, 5, [=](int64_t, int64_t) { return std::array{r, g, b}; });
}

std::vector<Value> measure(const std::vector<Frame>& film) {
    const auto meter = colour_meter({film[0].width(), film[0].height(), int64_t(film.size()), 24});
    for (const Frame& frame : film) meter->take(frame, nullptr);
    return meter->values();
}

// The mean linear light of a frame as CIELAB.
Colour lab(const Frame& frame) {
    Colour light{};
    for (size_t i = 0; i < frame.image.rgb.size(); ++i) {
        const double v = frame.image.rgb[i] / 255.0;
        light[i % 3] += v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
    }
    for (double& v : light) v /= double(frame.width() * frame.height());
    const auto f = [](double t) { return t > 216.0 / 24389 ? std::cbrt(t) : (24389.0 / 27 * t + 16) / 116; };
    const double x = f((0.4124 * light[0] + 0.3576 * light[1] + 0.1805 * light[2]) / 0.9505);
    const double y = f(0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]);
    const double z = f((0.0193 * light[0] + 0.1192 * light[1] + 0.9505 * light[2]) / 1.0890);
    return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

double distance(const Colour& a, const Colour& b) {
    return std::sqrt(std::pow(a[0] - b[0], 2) + std::pow(a[1] - b[1], 2) + std::pow(a[2] - b[2], 2));
}

Colour mean(const std::vector<Frame>& film, size_t first, size_t end) {
    Colour sum{};
    for (size_t t = first; t < end; ++t) {
        const Colour colour = lab(film[t]);
        for (size_t i = 0; i < 3; ++i) sum[i] += colour[i] / double(end - first);
    }
    return sum;
}

TEST(Colour, KnownColours) {
    // White is 100, 0, 0 and black 0, 0, 0; sRGB's red is 53.24, 80.09, 67.20, its blue 32.30, 79.19, -107.86.
    EXPECT_NEAR(measure({plain(0, 0, 0), plain(255, 255, 255)})[0].value, 100, 1e-9);
    const double red = std::sqrt(53.24 * 53.24 + 80.09 * 80.09 + 67.20 * 67.20);
    EXPECT_NEAR(measure({plain(0, 0, 0), plain(255, 0, 0)})[0].value, red, 0.05);
    const double red_to_blue = std::sqrt(20.94 * 20.94 + 0.90 * 0.90 + 175.06 * 175.06);
    EXPECT_NEAR(measure({plain(255, 0, 0), plain(0, 0, 255)})[0].value, red_to_blue, 0.05);
}

TEST(Colour, FollowsItsDefinition) {
    for (const size_t frames : {2u, 4u, 5u, 11u, 23u}) {
        std::vector<Frame> film;
        for (size_t t = 0; t < frames; ++t) {
            film.push_back(frame_of(13, 9, [=](int64_t x, int64_t y) {
                const uint64_t bits = mix_bits(uint64_t(x + 100 * y) + 10000 * t);
                return std::array{int(bits % 256), int(bits >> 20 & 255) / 2, int(bits >> 40 & 255) / 30};
            }));
        }
        const std::vector<Value> values = measure(film);
        const size_t fifth = std::max<size_t>(1, frames / 5);
        EXPECT_NEAR(values[0].value, distance(mean(film, frames - fifth, frames), mean(film, 0, fifth)), 1e-9);
        const Colour whole = mean(film, 0, frames);
        double farthest = 0;
        ASSERT_EQ(values[0].parts.size(), frames);
        ASSERT_EQ(values[1].parts.size(), frames);
        for (size_t t = 0; t < frames; ++t) {
            EXPECT_NEAR(values[0].parts[t], distance(lab(film[t]), lab(film[0])), 1e-9);
            EXPECT_NEAR(values[1].parts[t], distance(lab(film[t]), whole), 1e-9);
            farthest = std::max(farthest, distance(lab(film[t]), whole));
        }
        EXPECT_NEAR(values[1].value, farthest, 1e-9);
    }
}

TEST(Colour, AStillFilmHasNone) {
    const std::vector<Value> values = measure(std::vector<Frame>(9, plain(20, 130, 77)));
    EXPECT_EQ(values[0].value, 0);
    EXPECT_NEAR(values[1].value, 0, 1e-12);
    EXPECT_EQ(values[0].metric->name, "colour_drift");
    EXPECT_EQ(values[1].metric->name, "colour_wander");
}

TEST(Colour, GrowsWithWhatIsPlanted) {
    double last_drift = 0, last_wander = 0;
    for (const int strength : {1, 3, 8, 20}) {
        std::vector<Frame> drifting, returning;
        for (int t = 0; t < 10; ++t) {
            drifting.push_back(plain(100 + strength * t / 9, 120, 140));
            returning.push_back(plain(100 + (t >= 4 && t < 6 ? strength : 0), 120, 140));
        }
        const double drift = measure(drifting)[0].value, wander = measure(returning)[1].value;
        EXPECT_GT(drift, last_drift);
        EXPECT_GT(wander, last_wander);
        EXPECT_NEAR(measure(returning)[0].value, 0, 1e-12);
        last_drift = drift, last_wander = wander;
    }
}

TEST(Colour, OneFrameCannotBeTold) {
    for (const Value& value : measure({plain(1, 2, 3)})) {
        EXPECT_TRUE(std::isnan(value.value));
        EXPECT_EQ(value.note, "needs two frames");
    }
}

}  // namespace
}  // namespace t3video::evaluation
