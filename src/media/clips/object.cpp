// Flat shapes are inflated to a height field like cushions; the cube is a body that rays meet.
#include "media/clips/object.h"

#include <algorithm>

#include "media/clips/cube.h"
#include "media/clips/shapes.h"

namespace t3video::media::clips {
namespace {

constexpr float kReach = 1.9f;  // nothing of an object is farther than that from its middle, in radii

// Columns and rows, the ends not included.
struct Box {
    int64_t left, right, top, bottom;
    int64_t width() const { return right - left; }
    int64_t height() const { return bottom - top; }
};

Box box_around(const Picture& picture, const Pose& pose) {
    const float half = float(picture.height) / 2;  // pixels in a half height
    const auto within = [](float place, int64_t most) {
        return std::clamp<int64_t>(static_cast<int64_t>(std::floor(place)), 0, most);
    };
    const float x = float(picture.width) / 2 + pose.x * half, y = half - pose.y * half,
                reach = kReach * pose.radius * half;
    return {within(x - reach, picture.width), within(x + reach + 2, picture.width), within(y - reach, picture.height),
            within(y + reach + 2, picture.height)};
}

// From a pixel to the object's coordinates: upright ones, and those that turn with it.
struct Frame {
    Frame(const Picture& picture, const Pose& pose_, float angle)
        : pose(pose_),
          width(float(picture.width)),
          height(float(picture.height)),
          c(std::cos(angle)),
          s(std::sin(angle)) {}

    float x(int64_t column) const { return ((2 * (float(column) + 0.5f) - width) / height - pose.x) / pose.radius; }
    float y(int64_t row) const { return (1 - 2 * (float(row) + 0.5f) / height - pose.y) / pose.radius; }
    float u(float px, float py) const { return (c * px + s * py) * pose.flip; }
    float v(float px, float py) const { return c * py - s * px; }
    float pixel() const { return 2 / height / pose.radius; }

    const Pose& pose;
    float width, height, c, s;
};

// Wrapped diffuse light, a cool bounce from below, a highlight and a thin dark edge.
Vec3 lit(Vec3 albedo, Vec3 normal, float highlight) {
    static const Vec3 light = normalised({-0.50f, 0.62f, 0.60f});
    static const Vec3 half_way = normalised(light + Vec3{0, 0, 1});  // between the light and the viewer
    const float diffuse = clamp01(dot(normal, light) * 0.5f + 0.5f);
    const float amount = 0.42f + 0.72f * std::pow(diffuse, 1.35f) + 0.10f * std::max(-normal.y, 0.0f);
    const float facing = 1 - clamp01(normal.z), edge = 1 - 0.42f * facing * facing * facing;
    const float shine = highlight > 0 ? highlight * std::pow(clamp01(dot(normal, half_way)), 28.0f) : 0.0f;
    return albedo * amount * edge + Vec3{shine, shine, shine};
}

Vec3 with_eye(Vec3 colour, float u, float v, float pixel) {
    const float distance = std::sqrt(square(u - 0.62f) + square(v - 0.14f));
    const Vec3 with_white = mix(colour, {0.93f, 0.93f, 0.93f}, clamp01((0.15f - distance) / pixel + 0.5f));
    return mix(with_white, {0.08f, 0.08f, 0.08f}, clamp01((0.085f - distance) / pixel + 0.5f));
}

// How much of a pixel the string below a balloon covers.
float string_cover(float u, float v, float phase, float pixel) {
    if (v >= -1.0f || v <= -1.72f) return 0;
    const float below = std::max(-1.03f - v, 0.0f);
    const float sway = 0.10f * std::sin(phase * 0.5f + 3 * below) * clamp01(2 * below);
    return clamp01(1.1f - std::abs(u - sway) / pixel) * 0.75f;
}

void draw_cube(Picture& picture, Vec3 pigment, const Pose& pose, const Box& box) {
    const Frame frame(picture, pose, 0);
    const Cube cube(pose.spins ? 0.55f - pose.turn : 0.55f + 0.8f * pose.turn, frame.pixel());
    for (int64_t row = box.top; row < box.bottom; ++row) {
        for (int64_t column = box.left; column < box.right; ++column) {
            const auto [cover, normal, rim] = cube.seen_at(frame.x(column), frame.y(row));
            if (cover == 0) continue;
            Vec3& under = picture.at(column, row);
            under = mix(under, clamp01(lit(pigment * rim, normal, 0)), cover);
        }
    }
}

// Heights of a cushion at the pixels of a box, and their slopes by central differences, at the box's edges one-sided.
class Cushion {
  public:
    explicit Cushion(const Box& box) : box_(box), heights_(static_cast<size_t>(box.width() * box.height())) {}
    void set(int64_t column, int64_t row, float bevel, float distance) {
        const float u = clamp01(1 + distance / bevel);
        heights_[place(column, row)] = bevel * std::sqrt(1 - u * u + 1e-4f);
    }
    Vec3 normal(int64_t column, int64_t row, float pixel) const {
        const int64_t left = std::max(column - 1, box_.left), right = std::min(column + 1, box_.right - 1);
        const int64_t top = std::max(row - 1, box_.top), bottom = std::min(row + 1, box_.bottom - 1);
        const float across = (at(right, row) - at(left, row)) / float(std::max<int64_t>(right - left, 1));
        const float down = (at(column, bottom) - at(column, top)) / float(std::max<int64_t>(bottom - top, 1));
        return normalised({-across / pixel, down / pixel, 1});
    }

  private:
    size_t place(int64_t column, int64_t row) const {
        return static_cast<size_t>((row - box_.top) * box_.width() + column - box_.left);
    }
    float at(int64_t column, int64_t row) const { return heights_[place(column, row)]; }

    Box box_;
    std::vector<float> heights_;
};

}  // namespace

Vec3 pigment_of(Colour colour) {
    constexpr Vec3 kPigments[] = {rgb(218, 30, 34), rgb(255, 128, 8),  rgb(255, 216, 26),  rgb(24, 168, 58),
                                  rgb(30, 84, 232), rgb(126, 44, 196), rgb(255, 122, 188), rgb(246, 246, 246)};
    return kPigments[static_cast<size_t>(colour)];
}

void shade(Picture& picture, Background background, Vec3 pigment, const Pose& pose) {
    const float halo = background == Background::night ? 0.42f : background == Background::forest ? 0.22f : 0.0f;
    constexpr float kGround = -0.86f;  // height of the shadow
    const float lift = std::max(pose.y - pose.radius - kGround, 0.0f), wide = pose.radius * (0.85f + 0.35f * lift);
    const float dark = 0.42f / (1 + 1.2f * lift);
    const Vec3 tint = pigment * 0.55f + Vec3{0.35f, 0.35f, 0.35f};
    const float width = float(picture.width), height = float(picture.height);
    for (int64_t row = 0; row < picture.height; ++row) {
        const float y = 1 - 2 * (float(row) + 0.5f) / height;
        for (int64_t column = 0; column < picture.width; ++column) {
            const float x = (2 * (float(column) + 0.5f) - width) / height;
            Vec3& pixel = picture.at(column, row);
            if (halo > 0) {
                const float r = std::sqrt(square(x - pose.x) + square(y - pose.y)) / pose.radius;
                pixel = mix(pixel, tint, bell(std::max(r - 0.8f, 0.0f) / 0.42f) * halo);
            } else {
                const float blob =
                    std::exp(-square((x - pose.x - 0.06f * lift) / wide) - square((y - kGround) / (0.26f * wide)));
                pixel = pixel * (1 - dark * blob);
            }
        }
    }
}

void draw_object(Picture& picture, Thing thing, Vec3 pigment, const Pose& pose) {
    const Box box = box_around(picture, pose);
    if (thing == Thing::cube) return draw_cube(picture, pigment, pose, box);
    const Frame frame(picture, pose, thing == Thing::ball ? pose.roll : pose.turn);
    const auto for_each = [&](auto&& body) {
        for (int64_t row = box.top; row < box.bottom; ++row) {
            for (int64_t column = box.left; column < box.right; ++column) {
                const float x = frame.x(column), y = frame.y(row);
                body(column, row, frame.u(x, y), frame.v(x, y));
            }
        }
    };
    const float pixel = frame.pixel();
    Cushion cushion(box);
    std::vector<float> distances;
    for_each([&](int64_t column, int64_t row, float u, float v) {
        distances.push_back(distance_to(thing, u, v, pose.phase));
        cushion.set(column, row, bevel_of(thing), distances.back());
    });
    auto distance = distances.begin();
    for_each([&](int64_t column, int64_t row, float u, float v) {
        const float cover = clamp01(0.5f - *distance++ / pixel);
        const float string = thing == Thing::balloon ? string_cover(u, v, pose.phase, pixel) : 0.0f;
        if (cover == 0 && string == 0) return;
        // Slopes are those of the picture, not of the object's turned coordinates, and need no turning back.
        Vec3 colour = lit(pigment * pattern_of(thing, u, v), cushion.normal(column, row, pixel), 0.55f);
        if (thing == Thing::fish) colour = with_eye(colour, u, v, pixel);
        if (thing == Thing::balloon && cover <= 0.001f) colour = {0.25f, 0.25f, 0.25f};  // the string's
        Vec3& under = picture.at(column, row);
        under = mix(under, clamp01(colour), std::max(cover, string));
    });
}

}  // namespace t3video::media::clips
