// Flicker, still frames and leaps against their definitions in plain loops, and faults planted in films.
#include "evaluation/meters/stillness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "core/hash_normal.h"

namespace t3video::evaluation {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using Film = std::vector<Frame>;

Film film_of(int64_t width, int64_t height, int64_t frames,
             const std::function<double(int64_t, int64_t, int64_t)>& at) {
    Film film;
    for (int64_t t = 0; t < frames; ++t) {
        Frame frame;
        frame.index = t;
        frame.image = media::Image(width, height);
        for (int64_t y = 0; y < height; ++y) {
            for (int64_t x = 0; x < width; ++x) {
                const double code = std::clamp(std::round(at(x, y, t)), 0.0, 255.0);
                std::fill_n(frame.image.pixel(x, y), 3, uint8_t(code));
                frame.luma.push_back(float(code));
            }
        }
        film.push_back(std::move(frame));
    }
    return film;
}

// The same random texture for the same place.
double texture(int64_t x, int64_t y) {
    return double(mix_bits(uint64_t(x * 65537 + y)) % 200) + 20;
}

std::map<std::string, Value> measure(const Film& film) {
    const auto meter = stillness_meter({film[0].width(), film[0].height(), int64_t(film.size()), 24});
    for (const Frame& frame : film) meter->take(frame, nullptr);
    std::map<std::string, Value> values;
    for (Value& value : meter->values()) values[std::string(value.metric->name)] = std::move(value);
    EXPECT_EQ(values.size(), 5u);
    return values;
}

double value_of(const Film& film, const std::string& name) {
    return measure(film).at(name).value;
}

void expect_same(const std::vector<double>& a, const std::vector<double>& b, const char* what) {
    ASSERT_EQ(a.size(), b.size()) << what;
    for (size_t i = 0; i < a.size(); ++i) {
        if (std::isnan(b[i])) {
            EXPECT_TRUE(std::isnan(a[i])) << what << " " << i;
        } else {
            EXPECT_NEAR(a[i], b[i], 1e-5) << what << " " << i;
        }
    }
}

double mean_of_told(const std::vector<double>& parts) {
    double sum = 0, count = 0;
    for (const double part : parts) {
        if (!std::isnan(part)) sum += part, ++count;
    }
    return count ? sum / count : kNaN;
}

bool stands_still(const Film& film, size_t t, int64_t y0, int64_t x0) {
    std::vector<double> d;
    for (int64_t y = y0; y < y0 + 16; y += 4) {
        for (int64_t x = x0; x < x0 + 16; x += 4) {
            double sum = 0;
            for (int64_t v = y; v < y + 4; ++v) {
                for (int64_t u = x; u < x + 4; ++u) sum += film[t + 1].row(v)[u] - film[t - 1].row(v)[u];
            }
            d.push_back(sum / 16);
        }
    }
    const double mean = mean_of_told(d);
    double spread = 0;
    for (const double value : d) spread += std::abs(value - mean) / 16;
    return spread < 2;
}

void expect_definition(const Film& film) {
    const int64_t across = film[0].width() / 16, down = film[0].height() / 16;
    std::vector<double> flicker, still, m, frozen, duplicate, leap;
    double jump = 0, pixels = 0;
    for (size_t t = 1; t + 1 < film.size(); ++t) {
        double jump_here = 0, blocks = 0;
        for (int64_t j = 0; j < down; ++j) {
            for (int64_t i = 0; i < across; ++i) {
                if (!stands_still(film, t, j * 16, i * 16)) continue;
                ++blocks;
                for (int64_t y = j * 16; y < j * 16 + 16; ++y) {
                    for (int64_t x = i * 16; x < i * 16 + 16; ++x) {
                        const double around = film[t - 1].row(y)[x] + film[t + 1].row(y)[x];
                        jump_here += std::abs(film[t].row(y)[x] - around / 2);
                    }
                }
            }
        }
        flicker.push_back(jump_here / (256 * blocks));
        still.push_back(100 * blocks / double(across * down));
        jump += jump_here, pixels += 256 * blocks;
    }
    for (size_t t = 0; t + 1 < film.size(); ++t) {
        double sum = 0;
        for (size_t i = 0; i < film[t].image.rgb.size(); ++i) {
            sum += std::abs(double(film[t].image.rgb[i]) - double(film[t + 1].image.rgb[i]));
        }
        m.push_back(sum / double(film[t].image.rgb.size()));
        frozen.push_back(m.back() < 0.255 ? 100 : 0);
    }
    for (size_t t = 0; t < m.size(); ++t) {
        std::vector<double> around;
        for (size_t i = 0; i < m.size(); ++i) {
            if (i != t && i + 4 >= t && i <= t + 4) around.push_back(m[i]);
        }
        std::ranges::sort(around);
        const size_t n = around.size();
        const double median = n < 2 ? kNaN : n % 2 ? around[n / 2] : (around[n / 2 - 1] + around[n / 2]) / 2;
        leap.push_back(median >= 0.255 ? m[t] / median : kNaN);
        duplicate.push_back(median >= 0.255 && m[t] < median / 10 ? 100 : 0);
    }
    const std::map<std::string, Value> values = measure(film);
    expect_same(values.at("flicker").parts, flicker, "flicker");
    expect_same(values.at("static_share").parts, still, "static_share");
    expect_same(values.at("frozen_share").parts, frozen, "frozen_share");
    expect_same(values.at("duplicate_share").parts, duplicate, "duplicate_share");
    expect_same(values.at("leap").parts, leap, "leap");
    double largest = kNaN;
    for (const double part : leap) largest = std::fmax(largest, part);
    expect_same({values.at("flicker").value, values.at("static_share").value, values.at("frozen_share").value,
                 values.at("duplicate_share").value, values.at("leap").value},
                {jump / pixels, mean_of_told(still), mean_of_told(frozen),
                 std::isnan(largest) ? kNaN : mean_of_told(duplicate), largest},
                "values");
}

TEST(Stillness, FollowsItsDefinition) {
    // On the left a still texture with noise that grows, on the right one that moves, and a frame shown twice.
    for (const auto& [width, height, frames] : {std::tuple{67, 37, 14}, {16, 16, 3}, {90, 50, 7}}) {
        expect_definition(film_of(width, height, frames, [](int64_t x, int64_t y, int64_t t) {
            const int64_t shown = t == 9 ? 8 : t;
            if (x < 40) return texture(x, y) + double(shown) / 4 * hash_normal(5, uint64_t(x + 100 * y + 9999 * shown));
            return 0.2 * texture((x + shown) / 3, y / 3);
        }));
    }
}

TEST(Stillness, AStillPicture) {
    const auto values = measure(film_of(48, 35, 6, [](int64_t x, int64_t y, int64_t) { return texture(x, y); }));
    EXPECT_EQ(values.at("flicker").value, 0);
    EXPECT_EQ(values.at("static_share").value, 100);
    EXPECT_EQ(values.at("frozen_share").value, 100);
    for (const char* name : {"duplicate_share", "leap"}) {
        EXPECT_TRUE(std::isnan(values.at(name).value));
        EXPECT_EQ(values.at(name).note, "nothing moves");
    }
}

TEST(Stillness, EvenMotion) {
    const auto values =
        measure(film_of(160, 96, 12, [](int64_t x, int64_t y, int64_t t) { return texture(x + 2 * t, y); }));
    EXPECT_TRUE(std::isnan(values.at("flicker").value));
    EXPECT_EQ(values.at("flicker").note, "nothing stands still");
    EXPECT_EQ(values.at("static_share").value, 0);
    EXPECT_EQ(values.at("frozen_share").value, 0);
    EXPECT_EQ(values.at("duplicate_share").value, 0);
    EXPECT_NEAR(values.at("leap").value, 1, 0.05);
}

TEST(Stillness, FlickerIsTheHeightOfWhatPumps) {
    for (const double levels : {0.0, 1.0, 4.0, 20.0}) {
        const Film film = film_of(64, 48, 8, [=](int64_t x, int64_t y, int64_t t) {
            return 0.5 * texture(x, y) + 30 + (t % 2 ? levels : 0);
        });
        EXPECT_NEAR(value_of(film, "flicker"), levels, 1e-6);
        EXPECT_EQ(value_of(film, "static_share"), 100);
    }
    // A slow fade is none.
    const Film fade = film_of(64, 48, 8, [](int64_t x, int64_t y, int64_t t) {
        return 0.5 * std::round(texture(x, y)) + 30 + double(5 * t);
    });
    EXPECT_NEAR(value_of(fade, "flicker"), 0, 1e-6);
}

TEST(Stillness, FlickerGrowsWithNoise) {
    double last = -1;
    for (const double sigma : {0.0, 0.5, 1.0, 2.0, 4.0}) {
        const double value = value_of(film_of(64, 48, 8,
                                              [=](int64_t x, int64_t y, int64_t t) {
                                                  const auto place = uint64_t(x + 100 * y + 9999 * t);
                                                  return 0.7 * texture(x, y) + 20 + sigma * hash_normal(5, place);
                                              }),
                                      "flicker");
        EXPECT_GT(value, last) << sigma;
        last = value;
    }
}

TEST(Stillness, FlickerOfWhatStandsStillOnly) {
    const Film film = film_of(96, 32, 9, [](int64_t x, int64_t y, int64_t t) {
        return x < 48 ? 100 + double(t % 2 * 3) : texture(x + 5 * t, y);
    });
    EXPECT_NEAR(value_of(film, "flicker"), 3, 1e-6);
    EXPECT_NEAR(value_of(film, "static_share"), 50, 1e-9);
}

TEST(Stillness, CountsFrozenPairs) {
    for (const int64_t stop : {1, 4, 10}) {
        const Film film =
            film_of(64, 48, 11, [=](int64_t x, int64_t y, int64_t t) { return texture(x + std::min(t, stop), y); });
        EXPECT_NEAR(value_of(film, "frozen_share"), 100.0 * double(10 - stop) / 10, 1e-9);
    }
}

TEST(Stillness, CountsDuplicates) {
    for (const int64_t count : {0, 1, 2, 3}) {
        // Frames 5, 10, ... are those before them; light noise does not hide it.
        const Film film = film_of(64, 48, 21, [=](int64_t x, int64_t y, int64_t t) {
            const int64_t shown = t % 5 == 0 && t > 0 && t / 5 <= count ? t - 1 : t;
            return texture(x + 2 * shown, y) + hash_normal(2, uint64_t(x + 100 * y + 9999 * t));
        });
        const auto values = measure(film);
        EXPECT_NEAR(values.at("duplicate_share").value, 100.0 * double(count) / 20, 1e-9) << count;
        EXPECT_EQ(values.at("frozen_share").value, 0);
    }
    // Every second frame shown twice.
    const Film half = film_of(64, 48, 20, [](int64_t x, int64_t y, int64_t t) { return texture(x + t / 2, y); });
    EXPECT_NEAR(value_of(half, "duplicate_share"), 100.0 * 10 / 19, 1e-9);
}

TEST(Stillness, LeapGrowsWithDroppedFrames) {
    // A smooth picture, whose change is in proportion to its way.
    double last = 0;
    for (const int64_t dropped : {0, 1, 2, 5}) {
        const Film film = film_of(90, 60, 14, [=](int64_t x, int64_t y, int64_t t) {
            const int64_t shown = t < 7 ? t : t + dropped;
            return 128 + 100 * std::sin(0.03 * double(x + 2 * y + 3 * shown));
        });
        const double leap = value_of(film, "leap");
        EXPECT_GT(leap, last) << dropped;
        EXPECT_NEAR(leap, double(dropped + 1), 0.12 * double(dropped + 1)) << dropped;
        last = leap;
    }
}

TEST(Stillness, ShortFilmsAndSmallFrames) {
    const auto picture = [](int64_t x, int64_t y, int64_t t) { return texture(x + t, y); };
    const auto one = measure(film_of(33, 17, 1, picture)), two = measure(film_of(33, 17, 2, picture)),
               three = measure(film_of(33, 17, 3, picture)), small = measure(film_of(40, 15, 5, picture));
    EXPECT_EQ(one.at("frozen_share").note, "needs two frames");
    EXPECT_EQ(two.at("frozen_share").value, 0);
    for (const char* name : {"flicker", "static_share"}) {
        EXPECT_EQ(two.at(name).note, "needs three frames");
        EXPECT_TRUE(std::isnan(two.at(name).value));
        EXPECT_EQ(small.at(name).note, "frames are smaller than a block of 16x16 pixels");
        EXPECT_TRUE(std::isnan(small.at(name).value));
    }
    EXPECT_EQ(three.at("static_share").value, 0);
    for (const char* name : {"duplicate_share", "leap"}) {
        EXPECT_EQ(three.at(name).note, "needs four frames");
        EXPECT_TRUE(std::isnan(three.at(name).value));
        EXPECT_TRUE(std::isfinite(small.at(name).value));
    }
}

TEST(Stillness, DifferencesAreOfAllChannels) {
    // A change of blue alone by 3 levels is one of 1 on average: not frozen; by 0.6, frozen.
    for (const int blue : {3, 0}) {
        Film film = film_of(20, 20, 2, [](int64_t x, int64_t y, int64_t) { return texture(x, y); });
        for (size_t i = 2; i < film[1].image.rgb.size(); i += 3) film[1].image.rgb[i] += uint8_t(blue);
        EXPECT_EQ(value_of(film, "frozen_share"), blue ? 0 : 100);
    }
}

}  // namespace
}  // namespace t3video::evaluation
