// A picture that a background is painted on, layer over layer. x runs from 0 at the left and y from 0 at the top to 1
// at the bottom, both in heights of the picture.
#pragma once

#include <span>
#include <type_traits>
#include <utility>

#include "media/clips/colour.h"
#include "media/clips/draws.h"

namespace t3video::media::clips {

// A pixel, by its middle and by its place.
struct Spot {
    float x, y;
    int64_t column, row;
};

// A number for each column: where a line is that runs across the picture.
using Line = std::vector<float>;

// A number for each pixel.
class Field {
  public:
    Field(int64_t width, int64_t height) : width_(width), values_(static_cast<size_t>(width * height)) {}
    float& at(int64_t column, int64_t row) { return values_[static_cast<size_t>(row * width_ + column)]; }
    float operator()(const Spot& s) const { return values_[static_cast<size_t>(s.row * width_ + s.column)]; }

  private:
    int64_t width_;
    std::vector<float> values_;
};

class Canvas {
  public:
    Canvas(int64_t width, int64_t height, Draws& random) : draws(random), picture_(width, height) {}

    float random(float low = 0, float high = 1) { return draws.uniform(low, high); }
    int64_t width() const { return picture_.width; }
    int64_t height() const { return picture_.height; }
    float aspect() const { return float(width()) / float(height()); }
    float pixel() const { return 1.0f / float(height()); }
    float x_of(int64_t column) const { return (float(column) + 0.5f) / float(height()); }
    float y_of(int64_t row) const { return (float(row) + 0.5f) / float(height()); }
    Picture& picture() { return picture_; }

    template <class Body>
    void for_each(Body&& body) {
        for (int64_t row = 0; row < height(); ++row) {
            for (int64_t column = 0; column < width(); ++column)
                body(picture_.at(column, row), Spot{x_of(column), y_of(row), column, row});
        }
    }
    // Lays a colour, one or one for each spot, over the picture, as far as `share` of 0 to 1 says for a spot.
    template <class Paint, class Share>
    void blend(const Paint& paint, Share&& share) {
        for_each([&](Vec3& pixel, const Spot& spot) {
            if constexpr (std::is_invocable_v<const Paint&, const Spot&>) {
                pixel = mix(pixel, paint(spot), share(spot));
            } else {
                pixel = mix(pixel, paint, share(spot));
            }
        });
    }

    // Smooth noise, about -1 to 1, with the given number of knots.
    Field noise(int64_t rows, int64_t columns);
    // level + the sum of height * sin(2 pi (waves * x + a random phase)), waves per height of the picture.
    struct Wave {
        float waves, height;
    };
    Line ridge(float level, std::span<const Wave> waves) const;
    Line ridge(float level, std::initializer_list<Wave> waves) const { return ridge(level, std::span(waves)); }

    // 1 below the line, with a soft edge of so many pixels.
    float below(float line, const Spot& spot, float soft = 1) const {
        return clamp01((spot.y - line) / (pixel() * soft) + 0.5f);
    }
    float below(const Line& line, const Spot& spot, float soft = 1) const {
        return below(line[static_cast<size_t>(spot.column)], spot, soft);
    }

    // A patchy band between two heights.
    void clouds(Vec3 colour, float top, float bottom, float amount);

    struct Trees {
        int count;
        float foot_low, foot_high, size_low, size_high, kept;  // the share that is not left out
    };
    // Pointed firs: narrow triangles with stepped edges.
    void trees(const Trees& trees, Vec3 colour);

    Draws& draws;

  private:
    Picture picture_;
};

// A colour for each height, smooth between the stops.
struct Stop {
    float y;
    Vec3 colour;
};
class Gradient {
  public:
    Gradient(std::initializer_list<Stop> stops) : stops_(stops) {}
    Vec3 operator()(const Spot& spot) const;

  private:
    std::vector<Stop> stops_;
};

struct Disc {
    float x, y, radius;
    float distance(const Spot& spot) const {  // of its rim, negative inside
        return std::sqrt(square(spot.x - x) + square(spot.y - y)) - radius;
    }
    float cover(const Spot& spot, float pixel, float soft = 1) const {
        return clamp01(0.5f - distance(spot) / (pixel * soft));
    }
    // 1 inside, fading outside.
    float glow(const Spot& spot, float falloff) const { return std::exp(-std::max(distance(spot), 0.0f) * falloff); }
};

}  // namespace t3video::media::clips
