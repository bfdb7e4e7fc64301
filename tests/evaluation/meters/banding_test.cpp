// Banding against the definition in plain loops, and planted steps that grow.
#include "evaluation/meters/banding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "core/hash_normal.h"

namespace t3video::evaluation {
namespace {

using Picture = std::function<double(int64_t x, int64_t y)>;

Frame grey_frame(int64_t width, int64_t height, const Picture& picture) {
    Frame frame;
    frame.image = media::Image(width, height);
    for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
            const double code = std::clamp(std::round(picture(x, y)), 0.0, 255.0);
            std::fill_n(frame.image.pixel(x, y), 3, uint8_t(code));
            frame.luma.push_back(float(code));
        }
    }
    return frame;
}

Value banding_of(const std::vector<Frame>& film) {
    const auto meter = banding_meter({film[0].width(), film[0].height(), int64_t(film.size()), 24});
    for (const Frame& frame : film) meter->take(frame, nullptr);
    return meter->values().at(0);
}

Value banding_of(const Picture& picture, int64_t width = 321, int64_t height = 241) {
    return banding_of({grey_frame(width, height, picture)});
}

// A gradient of `slope` levels per pixel, rising towards `degrees`.
Picture ramp(double slope, double degrees) {
    const double angle = degrees * std::numbers::pi / 180;
    return [=](int64_t x, int64_t y) {
        return 128.3 + slope * (double(x - 160) * std::cos(angle) + double(y - 120) * std::sin(angle));
    };
}

Picture quantised(const Picture& picture, double q) {
    return [=](int64_t x, int64_t y) { return std::round(picture(x, y) / q) * q; };
}

Picture noisy(const Picture& picture, double sigma) {
    return [=](int64_t x, int64_t y) { return picture(x, y) + sigma * hash_normal(7, uint64_t(y * 4096 + x)); };
}

// The definition, word by word.
class Definition {
  public:
    explicit Definition(const Frame& frame) : frame_(frame) {
        const int64_t width = frame.width(), height = frame.height();
        side = std::max<int64_t>(32, 8 * (std::min(width, height) / 120));
        for (int64_t j = 0; j < height / side; ++j) {
            for (int64_t i = 0; i < width / side; ++i) axes.push_back(axis(j * side, i * side));
        }
        for (int64_t y = 0; y < height / side * side; ++y) {
            for (int64_t x = 0; x < width / side * side; ++x) look_at(x, y);
        }
    }

    double value() const { return 255.0 / 219 * steps / (climb / 18); }

    int64_t side;
    std::vector<int> axes;  // of blocks: 0 none, 1 rows, 2 columns
    double steps = 0, climb = 0;

  private:
    static constexpr double kTiny = 1e-9;  // means that are equal may differ by rounding

    double code(int64_t x, int64_t y) const { return std::round(219.0 / 255 * frame_.row(y)[x]); }
    double mean(int64_t x, int64_t y, int64_t reach) const {
        double sum = 0;
        for (int64_t v = y - reach; v <= y + reach; ++v) {
            for (int64_t u = x - reach; u <= x + reach; ++u) sum += code(u, v);
        }
        return sum / double((2 * reach + 1) * (2 * reach + 1));
    }
    double s(int64_t x, int64_t y) const { return mean(x, y, 2); }
    double cell(int64_t x, int64_t y) const {
        double sum = 0;
        for (int64_t v = y; v < y + 8; ++v) {
            for (int64_t u = x; u < x + 8; ++u) sum += code(u, v);
        }
        return sum / 64;
    }

    int axis(int64_t y0, int64_t x0) const {
        const int64_t left = x0 + 2, right = x0 + side - 2, top = y0 + 2, bottom = y0 + side - 2;
        double residue = 0;
        for (int64_t y = top; y < bottom; ++y) {
            for (int64_t x = left; x < right; ++x) {
                residue += std::abs(code(x, y) - s(x, y)) / double((side - 4) * (side - 4));
                if (x + 6 < right && std::abs(s(x + 6, y) - s(x, y)) > 9 + kTiny) return 0;
                if (y + 6 < bottom && std::abs(s(x, y + 6) - s(x, y)) > 9 + kTiny) return 0;
            }
        }
        double least = 255, most = 0, net_x = 0, net_y = 0, all = 0;
        for (int64_t y = y0; y < y0 + side; y += 8) {
            for (int64_t x = x0; x < x0 + side; x += 8) {
                least = std::min(least, cell(x, y)), most = std::max(most, cell(x, y));
                if (x + 8 < x0 + side)
                    net_x += cell(x + 8, y) - cell(x, y), all += std::abs(cell(x + 8, y) - cell(x, y));
                if (y + 8 < y0 + side)
                    net_y += cell(x, y + 8) - cell(x, y), all += std::abs(cell(x, y + 8) - cell(x, y));
            }
        }
        net_x = std::abs(net_x), net_y = std::abs(net_y);
        if (residue > 1 + kTiny || most - least < 2 - kTiny || net_x + net_y < 0.7 * all - kTiny) return 0;
        return net_x >= net_y - kTiny ? 1 : 2;
    }

    int axis_at(int64_t x, int64_t y) const {
        const int64_t across = frame_.width() / side, down = frame_.height() / side;
        if (x < 0 || y < 0 || x >= across * side || y >= down * side) return 0;
        return axes[size_t(y / side * across + x / side)];
    }

    void look_at(int64_t x, int64_t y) {
        const int axis = axis_at(x, y);
        if (axis == 0) return;
        const int64_t dx = axis == 1 ? 1 : 0, dy = 1 - dx;
        for (int64_t k = -11; k <= 11; ++k) {
            if (axis_at(x + k * dx, y + k * dy) != axis) return;
        }
        const int64_t aside = dx ? y % side : x % side;
        if (aside < 2 || aside >= side - 2) return;

        const auto at = [&](int64_t k) { return s(x + k * dx, y + k * dy); };
        const auto h = [&](int64_t k) { return std::abs(at(k + 3) - at(k - 3)); };
        const double g = std::abs(at(9) - at(-9)), rise = h(0);
        climb += g;
        if (rise < 1.4 - kTiny) return;
        for (int64_t k = 1; k <= 4; ++k) {
            if (h(-k) > rise - kTiny || h(k) > rise + kTiny) return;
        }
        for (const int64_t k : {-9, -6, 3, 6}) {
            if (std::abs(at(k) - at(k + 3)) > rise / 4 + kTiny) return;
        }
        const double near = mean(x + 2 * dx, y + 2 * dy, 1) - mean(x - 2 * dx, y - 2 * dy, 1);
        if (std::abs(near) < 0.8 * rise - kTiny) return;
        steps += g * g;
    }

    const Frame& frame_;
};

TEST(Banding, FollowsItsDefinition) {
    // Gradients of all directions, stepped and noisy, with an object, a flat and texture; odd sizes.
    const Picture scene = [](int64_t x, int64_t y) {
        const double hill = 80 + 70 * std::exp(-(std::pow(double(x) - 90, 2) + std::pow(double(y) - 60, 2)) / 9000);
        if (x > 170 && x < 190 && y > 30) return 200.0;
        if (y > 120) return hill + 12 * hash_normal(3, uint64_t(y * 977 + x)) * double(x > 100);
        return hill;
    };
    for (const double q : {1.0, 3.0, 5.0}) {
        for (const double sigma : {0.0, 0.6, 1.1}) {
            const Frame frame = grey_frame(271, 167, noisy(quantised(scene, q), sigma));
            const Definition definition(frame);
            EXPECT_EQ(definition.side, 32);
            for (int axis = 0; axis < 3; ++axis) EXPECT_GT(std::ranges::count(definition.axes, axis), 0) << axis;
            EXPECT_NEAR(banding_of({frame}).value, definition.value(), 1e-9) << q << " " << sigma;
        }
    }
}

TEST(Banding, BlocksGrowWithTheFrame) {
    const Frame frame = grey_frame(650, 607, quantised(ramp(0.1, 60), 3));
    const Definition definition(frame);
    EXPECT_EQ(definition.side, 40);
    EXPECT_NEAR(banding_of({frame}).value, definition.value(), 1e-9);
}

TEST(Banding, AGradientOfSingleStepsHasNone) {
    for (const double slope : {0.1, 0.2, 0.4, 0.6}) {
        for (const double degrees : {0.0, 20.0, 45.0, 90.0, 215.0}) {
            EXPECT_EQ(banding_of(ramp(slope, degrees)).value, 0) << slope << " " << degrees;
        }
    }
}

TEST(Banding, CodesOfVideoAreNoSteps) {
    // What 219 codes leave of 256: single steps, and double ones where two fall together.
    const Picture video = [](int64_t x, int64_t y) { return std::round(ramp(0.12, 30)(x, y) * 219 / 255) * 255 / 219; };
    EXPECT_EQ(banding_of(video).value, 0);
}

TEST(Banding, IsTheHeightOfSteps) {
    for (const double degrees : {0.0, 25.0, 45.0, 70.0, 90.0, 160.0}) {
        for (const double q : {2.0, 4.0, 8.0}) {
            const double slope = q / 20;  // bands of 20 pixels
            EXPECT_NEAR(banding_of(quantised(ramp(slope, degrees), q), 650, 490).value, q, 0.3 * q)
                << degrees << " " << q;
        }
    }
}

TEST(Banding, GrowsWithStepsUnderNoise) {
    for (const double sigma : {0.25, 0.5, 1.0}) {
        double last = banding_of(noisy(ramp(0.12, 20), sigma)).value;
        EXPECT_LT(last, 0.1) << sigma;
        for (const double q : {2.0, 3.0, 4.0, 6.0, 8.0}) {
            const double value = banding_of(noisy(quantised(ramp(0.12, 20), q), sigma)).value;
            EXPECT_GT(value, last + 0.5) << sigma << " " << q;
            EXPECT_NEAR(value, q, 0.4 * q) << sigma << " " << q;
            last = value;
        }
    }
}

TEST(Banding, ADitheredGradientHasNone) {
    for (const double q : {1.0, 2.0}) {
        const Picture dithered = [=](int64_t x, int64_t y) {
            const double chance = double(mix_bits(uint64_t(y * 4096 + x)) >> 11) * 0x1p-53;
            return q * std::floor(ramp(0.12, 30)(x, y) / q + chance);
        };
        EXPECT_LT(banding_of(dithered).value, 0.05) << q;
    }
}

TEST(Banding, ObjectsAndTextureAreNoBands) {
    const Picture sky = noisy(ramp(0.12, 80), 0.3);
    // Bars as those of letters, hard and soft edges of a disc, and texture, all in front of an even sky.
    const Picture scene = [&](int64_t x, int64_t y) {
        if (x < 100 && y % 40 < 20 && x % 12 < 4) return 20.0;
        if (std::hypot(double(x) - 200, double(y) - 120) < 50) return 180.0;
        if (x > 270) return sky(x, y) + 20 * std::sin(double(x) * 0.9) * std::sin(double(y) * 1.1);
        return sky(x, y);
    };
    EXPECT_LT(banding_of(scene).value, 0.02);
    const Picture soft = [&](int64_t x, int64_t y) {
        return sky(x, y) + 40 / (1 + std::exp((std::hypot(double(x) - 160, double(y) - 120) - 70) / 4));
    };
    EXPECT_LT(banding_of(soft).value, 0.05);
}

TEST(Banding, NothingThatSlopesCannotBeTold) {
    const Picture noise = [](int64_t x, int64_t y) { return 120 + 20 * hash_normal(1, uint64_t(y * 999 + x)); };
    const Picture flat = [](int64_t, int64_t) { return 77.0; };
    for (const Picture& picture : {noise, flat}) {
        const Value value = banding_of(picture);
        EXPECT_TRUE(std::isnan(value.value));
        EXPECT_EQ(value.note, "nothing slopes smoothly");
    }
    for (const auto& [width, height] : {std::pair{31, 400}, {400, 31}, {1, 1}}) {
        const Value value = banding_of(ramp(0.1, 45), width, height);
        EXPECT_TRUE(std::isnan(value.value));
        EXPECT_EQ(value.note, "frames are smaller than a block of 32x32 pixels");
    }
}

TEST(Banding, OfAFilmIsThatOfAllItsGradients) {
    const Frame even = grey_frame(161, 97, ramp(0.15, 10));
    const Frame stepped = grey_frame(161, 97, quantised(ramp(0.15, 10), 4));
    const Frame flat = grey_frame(161, 97, [](int64_t, int64_t) { return 9.0; });
    const Definition a(even), b(stepped);
    const Value value = banding_of({even, stepped, flat});
    ASSERT_EQ(value.parts.size(), 3u);
    EXPECT_EQ(value.parts[0], 0);
    EXPECT_NEAR(value.parts[1], b.value(), 1e-9);
    EXPECT_TRUE(std::isnan(value.parts[2]));
    EXPECT_NEAR(value.value, 255.0 / 219 * b.steps / ((a.climb + b.climb) / 18), 1e-9);
    EXPECT_TRUE(value.note.empty());
}

}  // namespace
}  // namespace t3video::evaluation
