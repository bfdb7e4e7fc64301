// What several backgrounds have in common.
#include "media/clips/canvas.h"

#include <algorithm>
#include <array>

namespace t3video::media::clips {
namespace {

// Four knots around a place on a row of `knots`, and their weights by cubic convolution with a = -0.75, as torch's
// bicubic interpolation has them: the first and the last knot lie on the first and the last pixel, and count on.
struct Taps {
    std::array<int64_t, 4> at;
    std::array<float, 4> weight;
};

std::vector<Taps> taps_of(int64_t knots, int64_t pixels) {
    constexpr float a = -0.75f;
    const auto near = [](float t) { return ((a + 2) * t - (a + 3)) * t * t + 1; };       // |t| up to 1
    const auto far = [](float t) { return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a; };  // 1 to 2
    const float step = pixels > 1 ? float(knots - 1) / float(pixels - 1) : 0.0f;
    std::vector<Taps> taps;
    for (int64_t i = 0; i < pixels; ++i) {
        const float place = float(i) * step, first = std::floor(place), t = place - first;
        Taps tap{{}, {far(t + 1), near(t), near(1 - t), far(2 - t)}};
        for (int64_t k = 0; k < 4; ++k)
            tap.at[static_cast<size_t>(k)] = std::clamp<int64_t>(static_cast<int64_t>(first) - 1 + k, 0, knots - 1);
        taps.push_back(tap);
    }
    return taps;
}

float fraction(float v) {
    return v - std::floor(v);
}

}  // namespace

Field Canvas::noise(int64_t rows, int64_t columns) {
    constexpr float kAmount = 0.6f;
    std::vector<float> knots(static_cast<size_t>(rows * columns));
    for (float& knot : knots) knot = draws.normal();
    const std::vector<Taps> across = taps_of(columns, width()), down = taps_of(rows, height());
    Field field(width(), height());
    for (int64_t row = 0; row < height(); ++row) {
        const Taps& v = down[static_cast<size_t>(row)];
        for (int64_t column = 0; column < width(); ++column) {
            const Taps& h = across[static_cast<size_t>(column)];
            float sum = 0;
            for (size_t j = 0; j < 4; ++j) {
                const float* knot = knots.data() + v.at[j] * columns;
                float line = 0;
                for (size_t k = 0; k < 4; ++k) line += knot[h.at[k]] * h.weight[k];
                sum += line * v.weight[j];
            }
            field.at(column, row) = sum * kAmount;
        }
    }
    return field;
}

Line Canvas::ridge(float level, std::span<const Wave> waves) const {
    Line line(static_cast<size_t>(width()), level);
    for (const Wave& wave : waves) {
        const float phase = draws.uniform();
        for (int64_t i = 0; i < width(); ++i)
            line[static_cast<size_t>(i)] += wave.height * std::sin(kTurn * (wave.waves * x_of(i) + phase));
    }
    return line;
}

void Canvas::clouds(Vec3 colour, float top, float bottom, float amount) {
    const Field coarse = noise(6, 4), fine = noise(14, 9);
    blend(colour, [&](const Spot& s) {
        const float m = 2 * std::clamp(coarse(s) + 0.45f * fine(s) - 0.12f, 0.0f, 0.5f);
        const float band = clamp01((s.y - top) / 0.12f) * clamp01((bottom - s.y) / 0.16f);
        return m * m * (3 - 2 * m) * band * amount;
    });
}

void Canvas::trees(const Trees& trees, Vec3 colour) {
    for (int i = 0; i < trees.count; ++i) {
        const float x = random(float(i) / float(trees.count), float(i + 1) / float(trees.count)) * aspect();
        const float foot = random(trees.foot_low, trees.foot_high), size = random(trees.size_low, trees.size_high);
        if (random() >= trees.kept) continue;
        blend(colour, [&](const Spot& s) {
            const float t = (s.y - (foot - size)) / size;  // 0 at the tip, 1 at the foot
            if (t <= 0) return 0.0f;
            const float down = clamp01(t), half = size * 0.26f * (down * 0.75f + 0.25f * fraction(t * 4) * down);
            return clamp01((half - std::abs(s.x - x)) / pixel() + 0.5f) * clamp01((1 - t) / 0.05f + 1);
        });
    }
}

Vec3 Gradient::operator()(const Spot& spot) const {
    Vec3 colour = stops_.front().colour;
    for (size_t i = 1; i < stops_.size(); ++i) {
        const float t = clamp01((spot.y - stops_[i - 1].y) / (stops_[i].y - stops_[i - 1].y));
        colour = mix(colour, stops_[i].colour, t * t * (3 - 2 * t));
    }
    return colour;
}

}  // namespace t3video::media::clips
