// The six painters. Random numbers are drawn in a fixed order, each into a name of its own where two would stand in one
// expression, whose order C++ leaves open.
#include "media/clips/backgrounds.h"

#include <algorithm>

#include "media/clips/canvas.h"

namespace t3video::media::clips {
namespace {

float fraction(float v) {
    return v - std::floor(v);
}

void hills(Canvas& c) {
    c.blend(Gradient{{0.0f, rgb(146, 178, 204)}, {0.62f, rgb(222, 222, 208)}}, [](const Spot&) { return 1.0f; });
    const float sun_x = c.random(0.2f, c.aspect() - 0.2f), sun_y = c.random(0.10f, 0.26f);
    const Disc sun{sun_x, sun_y, 0.07f};
    c.blend(rgb(232, 222, 186), [&](const Spot& s) { return sun.glow(s, 9) * 0.75f; });
    c.clouds(rgb(216, 218, 218), 0.02f, 0.52f, 0.9f);
    struct Layer {
        float level;
        Vec3 colour;
        float height, waves;
        bool trees;
    };
    const Layer layers[] = {{0.58f, rgb(150, 172, 158), 0.05f, 0.7f, false},
                            {0.67f, rgb(136, 164, 128), 0.05f, 0.5f, false},
                            {0.76f, rgb(122, 154, 104), 0.045f, 0.6f, true},
                            {0.88f, rgb(104, 138, 86), 0.04f, 0.45f, false}};
    for (const Layer& layer : layers) {
        const float level = c.random(layer.level - 0.03f, layer.level + 0.03f);
        const Line line = c.ridge(level, {{layer.waves, layer.height}, {layer.waves * 2.3f, layer.height * 0.35f}});
        const Field noise = c.noise(5, 9);
        for (int k = 0; layer.trees && k < 5; ++k) {  // round ones, which stand behind the hill
            const float x = c.random(float(k) / 5, float(k + 1) / 5) * c.aspect(), radius = c.random(0.022f, 0.045f);
            const Disc crown{x, c.random(0.70f, 0.74f) - radius, radius};
            if (c.random() >= 0.75f) continue;
            c.blend(rgb(104, 136, 98), [&](const Spot& s) { return crown.cover(s, c.pixel()); });
        }
        const auto shaded = [&](const Spot& s) {
            const float depth = std::clamp(s.y - line[static_cast<size_t>(s.column)], 0.0f, 0.3f) / 0.3f;
            return layer.colour * (1.10f - 0.26f * depth + 0.05f * noise(s));
        };
        c.blend(shaded, [&](const Spot& s) { return c.below(line, s); });
    }
}

void sea(Canvas& c) {
    const float horizon = c.random(0.52f, 0.60f);
    c.blend(Gradient{{0.0f, rgb(136, 168, 196)}, {0.56f, rgb(224, 214, 202)}}, [](const Spot&) { return 1.0f; });
    const float sun_x = c.random(0.25f, c.aspect() - 0.25f);
    const Disc sun{sun_x, horizon - c.random(0.10f, 0.24f), 0.055f};
    c.blend(rgb(236, 224, 190), [&](const Spot& s) { return sun.glow(s, 10) * 0.8f; });
    c.clouds(rgb(214, 210, 212), 0.03f, 0.50f, 0.9f);
    const float shore = horizon + c.random(-0.01f, 0.012f);
    const Line isle = c.ridge(shore, {{0.45f, 0.022f}, {1.1f, 0.010f}});
    c.blend(rgb(150, 164, 174), [&](const Spot& s) { return c.below(isle, s); });
    const auto under = [&](const Spot& s) { return c.below(horizon, s); };
    c.blend(Gradient{{0.52f, rgb(150, 178, 186)}, {0.72f, rgb(104, 146, 160)}, {1.0f, rgb(66, 108, 128)}}, under);
    const Field noise = c.noise(5, 7);
    const float phase = c.random();
    const auto depth = [&](const Spot& s) { return clamp01((s.y - horizon) / 0.45f); };
    const auto swell = [&](const Spot& s) {  // closer together towards the horizon
        return std::sin(kTurn * (9 * std::pow(std::max(depth(s), 1e-4f), 0.6f) + 0.28f * noise(s) + phase));
    };
    c.blend(rgb(196, 210, 208), [&](const Spot& s) { return under(s) * clamp01(swell(s) - 0.45f) * 0.38f; });
    c.blend(rgb(232, 222, 196), [&](const Spot& s) {  // the light below the sun
        const float path = bell((s.x - sun_x) / (0.05f + 0.16f * depth(s)));
        return under(s) * path * (0.28f + 0.30f * std::max(swell(s), 0.0f));
    });
}

// A star in most cells of a grid of eight rows, each at a random place of its cell.
void stars(Canvas& c) {
    const int64_t rows = 8,
                  columns = std::max<int64_t>(1, static_cast<int64_t>(8.0 * double(c.width()) / double(c.height())));
    struct Star {
        float x, y, size, shown;
    };
    std::vector<Star> cells(static_cast<size_t>(rows * columns));
    for (float Star::*part : {&Star::x, &Star::y, &Star::size, &Star::shown})
        for (Star& cell : cells) cell.*part = c.random();
    const float cell_width = float(columns) / float(c.width()), cell_height = float(rows) / float(c.height());
    c.blend(rgb(214, 212, 206), [&](const Spot& s) {
        const auto cell = [](int64_t pixel, float step, int64_t count) {
            return std::min(static_cast<int64_t>(float(pixel) * step), count - 1);
        };
        const Star& star =
            cells[static_cast<size_t>(cell(s.row, cell_height, rows) * columns + cell(s.column, cell_width, columns))];
        if (star.shown >= 0.75f) return 0.0f;
        const float dx = fraction(s.x * float(c.height()) * float(columns) / float(c.width())) - 0.18f - 0.64f * star.x;
        const float dy = fraction(s.y * float(rows)) - 0.18f - 0.64f * star.y;
        const float r = std::sqrt(dx * dx + dy * dy) / float(rows) / c.pixel();
        const float size = (0.5f + 1.6f * star.size * star.size * star.size) * float(c.height()) / 256;  // in pixels
        const float above_haze = 1 - clamp01((s.y - 0.62f) / 0.2f);
        return bell(r / std::max(size, 0.8f)) * (0.25f + 0.75f * star.size) * above_haze * 0.95f;
    });
}

void night(Canvas& c) {
    c.blend(Gradient{{0.0f, rgb(14, 18, 40)}, {0.55f, rgb(38, 42, 78)}, {0.95f, rgb(84, 76, 108)}},
            [](const Spot&) { return 1.0f; });
    const float slope = c.random(-0.5f, 0.5f), at = c.random(0.25f, 0.55f);
    const Field noise = c.noise(7, 10);
    c.blend(rgb(92, 88, 126), [&](const Spot& s) {  // the Milky Way
        const float band = bell((s.y - at - slope * (s.x - c.aspect() / 2)) / 0.16f);
        return band * clamp01(0.45f + 0.35f * noise(s)) * 0.7f;
    });
    stars(c);
    const bool left = c.random() < 0.5f;
    const float from_left = c.random(0.14f, 0.36f), from_right = c.random(0.14f, 0.36f), y = c.random(0.13f, 0.22f);
    const float x = left ? from_left : c.aspect() - from_right;
    const Disc moon{x, y, 0.062f}, bite{x + 0.030f, y - 0.012f, 0.054f};
    c.blend(rgb(120, 118, 140), [&](const Spot& s) { return moon.glow(s, 16) * 0.5f; });
    c.blend(rgb(206, 200, 176),
            [&](const Spot& s) { return moon.cover(s, c.pixel()) * (1 - bite.cover(s, c.pixel(), 2)); });
    for (const auto& [level, colour] : {std::pair(0.82f, rgb(46, 46, 74)), std::pair(0.91f, rgb(26, 28, 48))}) {
        const float height = c.random(level - 0.03f, level + 0.02f);
        const Line line = c.ridge(height, {{0.6f, 0.035f}, {1.5f, 0.014f}});
        c.blend(colour, [&](const Spot& s) { return c.below(line, s); });
    }
}

void desert(Canvas& c) {
    c.blend(Gradient{{0.0f, rgb(112, 98, 132)}, {0.30f, rgb(170, 128, 138)}, {0.60f, rgb(226, 180, 146)}},
            [](const Spot&) { return 1.0f; });
    const float sun_x = c.random(0.3f, c.aspect() - 0.3f), sun_y = c.random(0.40f, 0.50f);
    const Disc sun{sun_x, sun_y, 0.085f};
    c.blend(rgb(236, 196, 154), [&](const Spot& s) { return sun.glow(s, 7) * 0.6f; });
    c.blend(rgb(240, 212, 172), [&](const Spot& s) { return sun.cover(s, c.pixel(), 1.5f) * 0.9f; });
    c.clouds(rgb(206, 156, 148), 0.05f, 0.46f, 0.6f);
    Line mesa = c.ridge(c.random(0.57f, 0.60f), {{0.35f, 0.02f}});
    const float rate = c.random(0.6f, 0.9f), phase = c.random();
    for (int64_t i = 0; i < c.width(); ++i) {
        const float wave = std::sin(kTurn * (rate * c.x_of(i) + phase));
        mesa[static_cast<size_t>(i)] -= 0.07f * std::clamp(std::tanh(4 * (wave - 0.35f)), -0.25f, 1.0f);
    }
    c.blend(rgb(158, 118, 120), [&](const Spot& s) { return c.below(mesa, s); });
    struct Dune {
        float level;
        Vec3 light, dark;
        float waves;
    };
    const Dune dunes[] = {{0.64f, rgb(206, 162, 124), rgb(168, 124, 110), 0.45f},
                          {0.75f, rgb(196, 150, 108), rgb(146, 104, 94), 0.38f},
                          {0.88f, rgb(178, 132, 94), rgb(122, 86, 80), 0.5f}};
    for (const Dune& dune : dunes) {
        const float level = c.random(dune.level - 0.03f, dune.level + 0.03f);
        const Line line = c.ridge(level, {{dune.waves, 0.05f}, {dune.waves * 2.1f, 0.012f}});
        const float turned = c.random();
        const Field noise = c.noise(4, 8);
        const auto sand = [&](const Spot& s) {
            const float depth = s.y - line[static_cast<size_t>(s.column)];
            const float slope = std::sin(kTurn * (dune.waves * 1.5f * s.x + 0.6f * s.y + turned));
            const float side = std::tanh(3 * slope) * 0.5f + 0.5f;
            const float ripple = 0.04f * std::sin(kTurn * (26 * depth + 0.5f * noise(s)));
            const float dark = clamp01(side * 0.7f + ripple + 0.5f * std::clamp(depth, 0.0f, 0.4f));
            return mix(dune.light, dune.dark, dark);
        };
        c.blend(sand, [&](const Spot& s) { return c.below(line, s); });
    }
}

// A wave of straight lines between 0 and 1, one a unit.
float zigzag(float v) {
    return std::abs(2 * fraction(v) - 1);
}

struct Range {
    float level, height, waves;
    Vec3 rock, snow;
};

void range_of_mountains(Canvas& c, const Range& range) {
    const float phase = c.random(), level = c.random(range.level - 0.02f, range.level + 0.02f);
    const float middle = c.random(), fine = c.random(), jag = c.random(), jag_fine = c.random();
    const auto along = [&](float x) { return range.waves * x + phase; };
    Line line(static_cast<size_t>(c.width())), snow_line(line.size());
    for (int64_t i = 0; i < c.width(); ++i) {
        const float x = c.x_of(i);
        line[static_cast<size_t>(i)] = level - range.height * (1 - zigzag(along(x))) +
                                       0.05f * zigzag(range.waves * 2.7f * x + middle) +
                                       0.018f * zigzag(range.waves * 7.1f * x + fine);
        snow_line[static_cast<size_t>(i)] =
            range.level - 0.10f + (0.035f * zigzag(5.5f * x + jag) + 0.02f * zigzag(13 * x + jag_fine));
    }
    const Field snow_noise = c.noise(5, 14), light_noise = c.noise(7, 12);
    const auto slopes = [&](const Spot& s) {
        const auto column = static_cast<size_t>(s.column);
        const float depth = s.y - line[column];
        const float cap = clamp01((snow_line[column] + 0.02f * snow_noise(s) - s.y) / (2 * c.pixel()));
        const float crest = along(s.x) + 0.10f * range.waves * std::sin(9 * depth + 6 * s.x);
        const float lit = std::tanh(9 * std::sin(kTurn * crest)) * 0.5f + 0.5f;
        const float tint = 0.82f + 0.18f * lit + 0.04f * light_noise(s) - 0.10f * std::clamp(depth, 0.0f, 0.4f);
        return mix(range.rock, range.snow, cap) * tint;
    };
    c.blend(slopes, [&](const Spot& s) { return c.below(line, s); });
}

void mountains(Canvas& c) {
    c.blend(Gradient{{0.0f, rgb(128, 158, 190)}, {0.58f, rgb(206, 212, 218)}}, [](const Spot&) { return 1.0f; });
    c.clouds(rgb(206, 212, 220), 0.02f, 0.40f, 0.8f);
    range_of_mountains(c, {0.56f, 0.20f, 0.85f, rgb(138, 152, 174), rgb(190, 202, 218)});
    range_of_mountains(c, {0.66f, 0.26f, 0.60f, rgb(104, 118, 142), rgb(196, 207, 222)});
    c.trees({12, 0.80f, 0.86f, 0.10f, 0.17f, 0.8f}, rgb(74, 94, 102));
    const float level = c.random(0.80f, 0.85f);
    const Line field = c.ridge(level, {{0.5f, 0.02f}, {1.2f, 0.008f}});
    const Field noise = c.noise(4, 7);
    const auto snow = [&](const Spot& s) {
        const float depth = std::clamp(s.y - field[static_cast<size_t>(s.column)], 0.0f, 0.25f);
        return rgb(178, 192, 210) * (1 - 0.45f * depth + 0.02f * noise(s));
    };
    c.blend(snow, [&](const Spot& s) { return c.below(field, s); });
}

void forest(Canvas& c) {
    c.blend(Gradient{{0.0f, rgb(158, 174, 170)}, {0.55f, rgb(196, 204, 194)}, {1.0f, rgb(140, 158, 142)}},
            [](const Spot&) { return 1.0f; });
    const float sun_x = c.random(0.3f, c.aspect() - 0.3f), sun_y = c.random(0.10f, 0.30f);
    const Disc sun{sun_x, sun_y, 0.02f};
    c.blend(rgb(214, 216, 200), [&](const Spot& s) { return sun.glow(s, 4) * 0.7f; });
    const std::pair<Canvas::Trees, Vec3> layers[] = {{{11, 0.70f, 0.76f, 0.34f, 0.50f, 0.85f}, rgb(150, 170, 164)},
                                                     {{9, 0.80f, 0.86f, 0.40f, 0.62f, 0.75f}, rgb(116, 142, 134)},
                                                     {{6, 0.93f, 1.0f, 0.48f, 0.80f, 0.65f}, rgb(78, 106, 98)}};
    for (const auto& [trees, colour] : layers) {
        c.trees(trees, colour);
        const float foot = trees.foot_low, level = c.random(foot - 0.02f, foot + 0.02f);
        const Line line = c.ridge(level, {{0.6f, 0.02f}, {1.4f, 0.008f}});
        c.blend(colour, [&](const Spot& s) { return c.below(line, s, 3); });
        const Field place = c.noise(2, 6), amount = c.noise(4, 7);
        c.blend(rgb(192, 201, 193), [&](const Spot& s) {  // mist
            const float mist = bell((s.y - (foot - 0.05f + 0.05f * place(s))) / 0.10f);
            return mist * clamp01(0.62f + 0.22f * amount(s));
        });
    }
}

}  // namespace

Picture paint(Background background, int64_t width, int64_t height, Draws& draws) {
    Canvas c(width, height, draws);
    constexpr void (*kPainters[])(Canvas&) = {hills, sea, night, desert, mountains, forest};
    kPainters[static_cast<size_t>(background)](c);
    const auto hue = [&] { return 1 + 0.03f * std::clamp(draws.normal(), -2.0f, 2.0f); };
    const float red = hue(), green = hue(), blue = hue();
    c.for_each([&](Vec3& pixel, const Spot& s) {  // a tint of its own, darker towards the corners
        const float dx = s.x / c.aspect() - 0.5f, dy = s.y - 0.5f;
        pixel = clamp01(pixel * (1.03f - 0.26f * (dx * dx + dy * dy)) * Vec3{red, green, blue});
    });
    return std::move(c.picture());
}

}  // namespace t3video::media::clips
