// Signed distances of seven flat shapes; formulas for discs, polygons and hearts after Inigo Quilez, "2D distance
// functions".
#include "media/clips/shapes.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/error.h"
#include "media/clips/colour.h"

namespace t3video::media::clips {
namespace {

struct Point {
    float x, y;
};

// The lesser of both, rounded over a width of k where they meet.
float smooth_min(float a, float b, float k) {
    const float h = clamp01(0.5f + 0.5f * (b - a) / k);
    return b + (a - b) * h - k * h * (1 - h);
}

// Exact distance to a closed polygon given by its corners.
float polygon(float x, float y, std::span<const Point> corners) {
    float nearest = 1e9f, side = 1;
    for (size_t i = 0; i < corners.size(); ++i) {
        const auto [ax, ay] = corners[i];
        const auto [bx, by] = corners[(i + 1) % corners.size()];
        const float ex = bx - ax, ey = by - ay, wx = x - ax, wy = y - ay;
        const float t = clamp01((wx * ex + wy * ey) / (ex * ex + ey * ey));
        nearest = std::min(nearest, square(wx - ex * t) + square(wy - ey * t));
        if ((ay > y) != (by > y) && x < ex * wy / (ey + 1e-9f) + ax) side = -side;
    }
    return std::sqrt(nearest) * side;
}

float star(float x, float y) {
    static const auto corners = [] {
        std::array<Point, 10> points{};
        for (size_t i = 0; i < points.size(); ++i) {
            const float r = i % 2 == 0 ? 0.98f : 0.47f, a = kPi / 2 + float(i) * kPi / 5;
            points[i] = {r * std::cos(a), r * std::sin(a)};
        }
        return points;
    }();
    return polygon(x, y, corners) - 0.10f;
}

float heart(float x, float y) {
    constexpr float kSize = 1.72f;
    const float u = std::abs(x) / kSize, v = (y + 0.92f) / kSize;
    if (u + v > 1) {
        const float lobe = std::hypot(u - 0.25f, v - 0.75f) - std::numbers::sqrt2_v<float> / 4;
        return kSize * lobe - 0.05f;
    }
    const float m = 0.5f * std::max(u + v, 0.0f);
    const float tip = std::sqrt(std::min(u * u + square(v - 1), square(u - m) + square(v - m)));
    return kSize * (u > v ? tip : u < v ? -tip : 0.0f) - 0.05f;
}

float diamond(float x, float y) {
    static constexpr Point kCorners[] = {{-0.95f, 0.30f}, {-0.52f, 0.80f}, {0.52f, 0.80f}, {0.95f, 0.30f}, {0, -0.95f}};
    return polygon(x, y, kCorners) - 0.05f;
}

// Looks to the right; the tail swings.
float fish(float x, float y, float phase) {
    static constexpr Point kTail[] = {{-0.45f, 0}, {-1.08f, 0.60f}, {-0.92f, 0}, {-1.08f, -0.60f}};
    static constexpr Point kFin[] = {{-0.25f, 0.45f}, {0.35f, 0.50f}, {-0.12f, 0.92f}};
    const float v = y - 0.22f * std::sin(phase) * square(std::clamp(0.35f - x, 0.0f, 1.4f));
    const float body = std::sqrt(square(x - 0.18f) / 1.55f + v * v) - 0.62f;
    const float tail = polygon(x, v, kTail) - 0.06f, fin = polygon(x, v, kFin) - 0.05f;
    return smooth_min(smooth_min(body, tail, 0.14f), fin, 0.08f);
}

float balloon(float x, float y) {
    static constexpr Point kKnot[] = {{0, -0.93f}, {-0.13f, -1.15f}, {0.13f, -1.15f}};
    const float v = y - 0.12f;
    const float body = std::sqrt(x * x + square(v * (v > 0 ? 0.97f : 0.84f))) - 0.84f;
    return std::min(body, polygon(x, v, kKnot) - 0.02f);
}

}  // namespace

float distance_to(Thing thing, float x, float y, float phase) {
    switch (thing) {
        case Thing::ball:
            return std::sqrt(x * x + y * y) - 0.92f;
        case Thing::star:
            return star(x, y);
        case Thing::ring:
            return std::abs(std::sqrt(x * x + y * y) - 0.70f) - 0.29f;
        case Thing::heart:
            return heart(x, y);
        case Thing::diamond:
            return diamond(x, y);
        case Thing::fish:
            return fish(x, y, phase);
        case Thing::balloon:
            return balloon(x, y);
        case Thing::cube:
            break;
    }
    throw Error("a cube has no outline of its own");
}

float bevel_of(Thing thing) {
    switch (thing) {
        case Thing::ball:
            return 0.92f;
        case Thing::star:
            return 0.42f;
        case Thing::ring:
            return 0.29f;
        case Thing::heart:
        case Thing::fish:
            return 0.55f;
        case Thing::diamond:
            return 0.40f;
        case Thing::balloon:
            return 0.84f;
        case Thing::cube:
            break;
    }
    throw Error("a cube has no outline of its own");
}

float pattern_of(Thing thing, float x, float y) {
    const float r = std::sqrt(x * x + y * y + 1e-6f), a = std::atan2(y, x);
    switch (thing) {
        case Thing::ball:
            return 1 + 0.16f * std::tanh(5 * std::sin(3 * a)) * clamp01(3 * r);
        case Thing::ring:
            return 1 + 0.17f * std::tanh(4 * std::sin(4 * a));
        case Thing::star:
            return 1 + 0.13f * std::cos(5 * (a - kPi / 2)) * clamp01(r);
        case Thing::heart:
            return 1 + 0.10f * (y - 0.1f);
        case Thing::diamond: {
            const float facets = std::tanh(8 * (std::abs(x) - 0.45f * std::max(y + 0.95f, 0.0f) / 1.25f));
            return 1 + 0.12f * (std::tanh(6 * (y - 0.30f)) + facets);
        }
        case Thing::fish:
            return 1 + (x < 0.45f ? 0.13f * std::tanh(3 * std::sin(7 * x)) : 0.0f);
        case Thing::balloon:
            return 1 + 0.07f * std::cos(6 * std::asin(std::clamp(x / 0.95f, -0.99f, 0.99f)));
        case Thing::cube:
            break;
    }
    return 1;
}

}  // namespace t3video::media::clips
