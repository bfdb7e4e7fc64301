// Seams and lattices that were planted are found; pictures without any are left alone.
#include "evaluation/meters/grid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace t3video::evaluation {
namespace {

constexpr int64_t kCell = 16;

using t3::Branches;
using t3::Pattern;
using t3::WindowLayout;
using Picture = std::vector<float>;  // luma [height, width], of a whole grid

struct Random {
    explicit Random(unsigned seed) : engine(seed) {}
    // About normal, of deviation 1, and the same with every library.
    double operator()() {
        double sum = -6;
        for (int i = 0; i < 12; ++i) sum += double(engine()) / double(std::mt19937::max());
        return sum;
    }
    std::mt19937 engine;
};

void add(Picture& picture, const Grid& grid, const std::function<double(int64_t x, int64_t y)>& what) {
    const int64_t width = grid.w * kCell;
    for (size_t i = 0; i < picture.size(); ++i)
        picture[i] += float(what(static_cast<int64_t>(i) % width, static_cast<int64_t>(i) / width));
}

// White noise of some levels under what a decoder leaves at each token's border and at each latent pixel's.
Picture rough(const Grid& grid, unsigned seed, double levels = 3) {
    Picture picture(static_cast<size_t>(grid.w * grid.h * kCell * kCell), 120);
    Random random(seed);
    std::vector<double> across(16), down(16);
    for (size_t i = 0; i < 16; ++i) {
        across[i] = random() * (i % 8 == 0 ? 3 : 1);
        down[i] = random() * (i % 8 == 0 ? 3 : 1);
    }
    add(picture, grid, [&](int64_t x, int64_t y) {
        return levels * random() + across[static_cast<size_t>(x % 16)] + down[static_cast<size_t>(y % 16)];
    });
    return picture;
}

// Some waves of any direction and length, and edges of a few boxes, rounded to whole levels.
Picture smooth(const Grid& grid, unsigned seed) {
    Picture picture(static_cast<size_t>(grid.w * grid.h * kCell * kCell), 120);
    Random random(seed);
    for (int wave = 0; wave < 5; ++wave) {
        const double u = 0.08 * random(), v = 0.08 * random(), phase = 3 * random(), height = 10 * random();
        add(picture, grid,
            [&](int64_t x, int64_t y) { return height * std::sin(u * double(x) + v * double(y) + phase); });
    }
    for (int box = 0; box < 12; ++box) {
        const double left = double(grid.w * kCell) * (0.5 + 0.3 * random()), width = 30 + 20 * std::abs(random());
        const double top = double(grid.h * kCell) * (0.5 + 0.3 * random()), height = 30 + 20 * std::abs(random());
        const double levels = 30 * random();
        add(picture, grid, [&](int64_t x, int64_t y) {
            return double(x) >= left && double(x) < left + width && double(y) >= top && double(y) < top + height
                       ? levels
                       : 0;
        });
    }
    for (float& value : picture) value = std::round(value);
    return picture;
}

std::vector<int64_t> window_of_token(int64_t extent, int64_t count, int64_t shift) {
    std::vector<int64_t> windows;
    for (int64_t part = shift > 0 ? -1 : 0; part < count; ++part) {
        const auto [first, last] = t3::close_part(extent, count, shift, part);
        windows.insert(windows.end(), static_cast<size_t>(last - first), part + 1);
    }
    return windows;
}

// Each close window of a pattern is brighter or darker than the others.
void plant_seams(Picture& picture, const Grid& grid, const Pattern& pattern, double levels, unsigned seed = 99) {
    const auto columns = window_of_token(grid.w, pattern.w, pattern.shift.w);
    const auto rows = window_of_token(grid.h, pattern.h, pattern.shift.h);
    Random random(seed);
    std::vector<double> offsets(static_cast<size_t>((pattern.h + 1) * (pattern.w + 1)));
    for (double& offset : offsets) offset = levels * random();
    add(picture, grid, [&](int64_t x, int64_t y) {
        const int64_t row = rows[static_cast<size_t>(y / kCell)], column = columns[static_cast<size_t>(x / kCell)];
        return offsets[static_cast<size_t>(row * (pattern.w + 1) + column)];
    });
}

// Each remote window of a pattern has other grain.
void plant_lattice(Picture& picture, const Grid& grid, const Pattern& pattern, double levels) {
    Random random(98);
    add(picture, grid, [&](int64_t x, int64_t y) {
        const double share = double(x / kCell % pattern.w) / double(pattern.w) + double(y / kCell % pattern.h);
        return levels * random() * (std::fmod(7.3 * share, 1.0));
    });
}

// The grid's picture without `crop` rows in all, half of them above.
std::vector<Value> measure(const std::vector<Picture>& frames, const WindowLayout& layout, int64_t crop = 0) {
    const int64_t width = layout.grid.w * kCell, height = layout.grid.h * kCell - crop;
    const auto meter = grid_meter({width, height, static_cast<int64_t>(frames.size()), 16}, {layout, kCell});
    for (const Picture& picture : frames) {
        Frame frame;
        frame.image = media::Image(width, height);
        const auto begin = picture.begin() + crop / 2 * width;
        frame.luma.assign(begin, begin + height * width);
        meter->take(frame, nullptr);
    }
    return meter->values();
}
double close_of(const Picture& picture, const WindowLayout& layout, int64_t crop = 0) {
    return measure({picture}, layout, crop)[0].value;
}
double remote_of(const Picture& picture, const WindowLayout& layout) {
    return measure({picture}, layout)[1].value;
}

const WindowLayout kDemo{{5, 16, 28}, {{5, 1, 1}, {1, 4, 7}, {1, 2, 14}, {5, 2, 2}, {1, 8, 2}}};

TEST(GridMeter, PartsAreTheExcessAtBordersOfTokens) {
    const WindowLayout layout{{1, 8, 15}, {{1, 1, 4}}};
    Picture picture = rough(layout.grid, 5);
    plant_seams(picture, layout.grid, layout.patterns[0], 2);
    const auto values = measure({picture}, layout);
    const int64_t width = 15 * kCell, height = 8 * kCell;
    // The pattern cuts the width alone; the note says at which distance.
    const int64_t reach = values[0].note.find("distance of 1 pixel") != std::string::npos ? 1 : 4;
    const auto change = [&](int64_t place) {
        double sum = 0;
        for (int64_t y = 0; y < height; ++y) {
            const double difference = std::abs(double(picture[static_cast<size_t>(y * width + place + reach - 1)]) -
                                               double(picture[static_cast<size_t>(y * width + place - reach)]));
            sum += 4 * difference / (4 + difference);
        }
        return sum / double(height);
    };
    ASSERT_EQ(values[0].parts.size(), 14U);
    for (int64_t j = 1; j < 15; ++j) {
        const int64_t place = j * kCell, step = 2 * reach - 1;
        EXPECT_NEAR(values[0].parts[static_cast<size_t>(j - 1)],
                    change(place) - (change(place - step) + change(place + step)) / 2, 1e-4);
    }
}

TEST(GridMeter, CleanPicturesAreAsChanceHasThem) {
    const WindowLayout small{{1, 14, 30}, {{1, 1, 5}, {1, 7, 6}, {1, 2, 10}}};
    const WindowLayout ragged{{1, 17, 23}, {{1, 5, 7}, {1, 3, 4, {0, 2, 3}}}};
    int above = 0, all = 0;
    double worst = 0;
    for (const WindowLayout& layout : {kDemo, small, ragged}) {
        for (unsigned seed = 0; seed < 12; ++seed) {
            for (const Picture& picture : {rough(layout.grid, seed), smooth(layout.grid, seed)}) {
                for (const Value& value : measure({picture}, layout)) {
                    ASSERT_TRUE(std::isfinite(value.value));
                    above += value.value > 4 ? 1 : 0;
                    worst = std::max(worst, value.value);
                    ++all;
                }
            }
        }
    }
    EXPECT_LE(above, all / 50) << "of " << all;
    EXPECT_LT(worst, 6);
}

TEST(GridMeter, SeamsGrowWithTheirStrength) {
    for (const Pattern& pattern : kDemo.patterns) {
        if (pattern.h * pattern.w == 1) continue;
        double last = 2;
        for (const double levels : {2.0, 4.0, 8.0, 16.0}) {
            Picture picture = rough(kDemo.grid, 3);
            plant_seams(picture, kDemo.grid, pattern, levels);
            const double value = close_of(picture, kDemo);
            EXPECT_GT(value, last) << concat(pattern) << " " << levels;
            last = value;
        }
        EXPECT_GT(last, 8) << concat(pattern);
    }
}

TEST(GridMeter, SeamsOfOtherWindowsAreNoSeams) {
    const WindowLayout layout{{1, 18, 30}, {{1, 1, 6}, {1, 6, 1}}};  // windows of 5 and of 3 tokens
    for (const Pattern& other : {Pattern{1, 1, 7}, Pattern{1, 1, 5}, Pattern{1, 5, 1}, Pattern{1, 7, 8}}) {
        Picture picture = rough(layout.grid, 4);
        plant_seams(picture, layout.grid, other, 10);
        EXPECT_LT(close_of(picture, layout), 4) << concat(other);
        EXPECT_GT(close_of(picture, {layout.grid, {other}}), 8) << concat(other);
    }
}

TEST(GridMeter, FindsRaggedAndShiftedAndCroppedSeams) {
    const WindowLayout ragged{{1, 17, 23}, {{1, 5, 7}}}, shifted{{1, 16, 30}, {{1, 4, 5, {0, 2, 3}}}};
    for (const WindowLayout& layout : {ragged, shifted}) {
        Picture picture = rough(layout.grid, 6);
        plant_seams(picture, layout.grid, layout.patterns[0], 10);
        EXPECT_GT(close_of(picture, layout), 8);
        EXPECT_GT(close_of(picture, layout, 16), 8);
        WindowLayout other = layout;
        other.patterns[0].shift = {0, layout == shifted ? 1 : 2, layout == shifted ? 1 : 2};
        EXPECT_LT(close_of(picture, other), 4);
    }
    // Of rows alone, so that the crop matters: with the wrong one there is nothing at the borders.
    const WindowLayout rows{{1, 16, 20}, {{1, 5, 1}}};
    Picture picture = rough(rows.grid, 7);
    plant_seams(picture, rows.grid, rows.patterns[0], 10);
    EXPECT_GT(close_of(picture, rows, 11), 8);
    const auto meter = grid_meter({320, 245, 1, 16}, {rows, kCell});
    Frame frame;
    frame.image = media::Image(320, 245);
    frame.luma.assign(picture.begin(), picture.begin() + 245 * 320);  // the upper part, not the middle
    meter->take(frame, nullptr);
    EXPECT_LT(meter->values()[0].value, 4);
}

TEST(GridMeter, SeesFaintSeamsOfALargeGrid) {
    const WindowLayout layout{{1, 34, 120}, {{1, 17, 20}, {1, 2, 30}}};
    Picture picture = rough(layout.grid, 8, 1);
    EXPECT_LT(close_of(picture, layout), 4);
    plant_seams(picture, layout.grid, layout.patterns[0], 1);
    EXPECT_GT(close_of(picture, layout), 8);
}

TEST(GridMeter, SlopesAreSeamsToo) {
    const WindowLayout layout{{1, 8, 30}, {{1, 1, 6}}};
    const int64_t width = 30 * kCell;
    Picture steps(static_cast<size_t>(8 * kCell * width), 0), picture = rough(layout.grid, 9, 1);
    plant_seams(steps, layout.grid, layout.patterns[0], 6);
    add(picture, layout.grid, [&](int64_t x, int64_t y) {  // over 6 pixels
        double sum = 0;
        for (int64_t i = -3; i < 3; ++i)
            sum += double(steps[static_cast<size_t>(y * width + std::clamp<int64_t>(x + i, 0, width - 1))]);
        return sum / 6;
    });
    const Value value = measure({picture}, layout)[0];
    EXPECT_GT(value.value, 8);
    EXPECT_NE(value.note.find("along width, pattern 1x1x6"), std::string::npos) << value.note;
    EXPECT_NE(value.note.find("distance of 7 pixels"), std::string::npos) << value.note;
}

TEST(GridMeter, LatticesGrowWithTheirStrengthAtTheirPeriodOnly) {
    const WindowLayout layout{{1, 18, 35}, {{1, 6, 5}}};
    double last = 0;
    for (const double levels : {1.0, 2.0, 4.0, 8.0}) {
        Picture picture = rough(layout.grid, 10);
        plant_lattice(picture, layout.grid, layout.patterns[0], levels);
        const double value = remote_of(picture, layout);
        EXPECT_GT(value, last) << levels;
        EXPECT_LT(remote_of(picture, {layout.grid, {{1, 4, 4}}}), 4) << levels;
        EXPECT_LT(close_of(picture, layout), 4) << levels;
        last = value;
    }
    EXPECT_GT(last, 6);
}

TEST(GridMeter, LatticesOfBrightnessShow) {
    const WindowLayout layout{{1, 8, 30}, {{1, 1, 5, {}, Branches::remote}}};
    Picture picture = rough(layout.grid, 11);
    add(picture, layout.grid, [](int64_t x, int64_t) { return x / kCell % 5 == 2 ? 4 : 0; });
    EXPECT_GT(remote_of(picture, layout), 4);
}

TEST(GridMeter, TellsOfBranchesThatAreThere) {
    Picture picture = rough(kDemo.grid, 12);
    const auto both = measure({picture}, {kDemo.grid, {{1, 4, 7}}});
    const auto close = measure({picture}, {kDemo.grid, {{1, 4, 7, {}, Branches::close}}});
    const auto remote = measure({picture}, {kDemo.grid, {{1, 4, 7, {}, Branches::remote}}});
    EXPECT_EQ(close[0].value, both[0].value);
    EXPECT_TRUE(std::isnan(close[1].value));
    EXPECT_EQ(close[1].note, "no strides of remote windows can be told");
    EXPECT_TRUE(std::isnan(remote[0].value));
    EXPECT_EQ(remote[0].note, "no borders of close windows can be told from those of tokens");
    EXPECT_TRUE(std::isfinite(remote[1].value));
    // Layers that take one pattern only.
    const auto scheduled = measure({picture}, {kDemo.grid, {{1, 8, 2}, {1, 4, 7}}, {1}});
    EXPECT_EQ(scheduled[0].value, both[0].value);
}

TEST(GridMeter, SaysWhyThereIsNoValue) {
    const Picture picture = rough(kDemo.grid, 13);
    const WindowLayout none{kDemo.grid, {{1, 1, 1}, {5, 16, 28}}};
    for (const Value& value : measure({picture}, none)) {
        EXPECT_TRUE(std::isnan(value.value));
        EXPECT_NE(value.note, "");
    }
    const auto meter = grid_meter({kDemo.grid.w * kCell + 1, 16, 1, 16}, {kDemo, kCell});
    Frame frame;
    frame.image = media::Image(kDemo.grid.w * kCell + 1, 16);
    frame.luma.resize(static_cast<size_t>(kDemo.grid.w * kCell + 1) * 16);
    meter->take(frame, nullptr);
    EXPECT_EQ(meter->values()[0].note, "the film is larger than the grid of its windows");
    EXPECT_EQ(grid_meter({448, 256, 0, 16}, {kDemo, kCell})->values()[1].note, "there are no frames");
}

TEST(GridMeter, AFilmOfOneColourHasNeither) {
    const auto values = measure({Picture(static_cast<size_t>(448 * 256), 77)}, kDemo);
    EXPECT_EQ(values[0].value, 0);
    EXPECT_EQ(values[1].value, 0);
}

TEST(GridMeter, FindsSeamsInTime) {
    const WindowLayout layout{{13, 4, 4}, {{4, 1, 1}}};
    const auto film = [&](double levels) {
        std::vector<Picture> frames;
        Random random(14);
        std::vector<double> offsets(5);
        for (double& offset : offsets) offset = random() > 0 ? levels : -levels;
        const auto windows = window_of_token(13, 4, 0);
        for (int64_t t = 0; t < 49; ++t) {
            frames.push_back(rough(layout.grid, unsigned(t)));
            const double sign = windows[static_cast<size_t>((t + 3) / 4)] % 2 == 0 ? 1 : -1;
            add(frames.back(), layout.grid, [&](int64_t, int64_t) { return sign * levels; });
        }
        return frames;
    };
    EXPECT_LT(measure(film(0), layout)[0].value, 4);
    const Value found = measure(film(4), layout)[0];
    EXPECT_GT(found.value, 8);
    EXPECT_NE(found.note.find("along time, pattern 4x1x1"), std::string::npos) << found.note;
    auto shorter = film(4);
    shorter.pop_back();
    EXPECT_TRUE(std::isnan(measure(shorter, layout)[0].value));
}

}  // namespace
}  // namespace t3video::evaluation
