// Colours and directions as three floats, and the few functions that drawing needs of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

namespace t3video::media::clips {

constexpr float kPi = std::numbers::pi_v<float>, kTurn = 2 * kPi;

struct Vec3 {
    float x = 0, y = 0, z = 0;

    friend Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
    friend Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
    friend Vec3 operator*(Vec3 a, float s) { return {a.x * s, a.y * s, a.z * s}; }
    friend Vec3 operator*(Vec3 a, Vec3 b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
};

inline float dot(Vec3 a, Vec3 b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}
inline Vec3 normalised(Vec3 a) {
    return a * (1 / std::sqrt(dot(a, a)));
}
inline float clamp01(float v) {
    return std::clamp(v, 0.0f, 1.0f);
}
inline Vec3 clamp01(Vec3 v) {
    return {clamp01(v.x), clamp01(v.y), clamp01(v.z)};
}
inline Vec3 mix(Vec3 a, Vec3 b, float share_of_b) {
    return a + (b - a) * share_of_b;
}
inline float square(float v) {
    return v * v;
}
// exp(-v^2)
inline float bell(float v) {
    return std::exp(-square(v));
}
// Code values of 0..255 as floats of 0..1.
constexpr Vec3 rgb(int red, int green, int blue) {
    return {float(red) / 255, float(green) / 255, float(blue) / 255};
}

// Red, green and blue of 0..1, gamma-coded as for a screen, row by row from the top.
struct Picture {
    Picture(int64_t w, int64_t h) : width(w), height(h), pixels(static_cast<size_t>(w * h)) {}
    Vec3& at(int64_t column, int64_t row) { return pixels[static_cast<size_t>(row * width + column)]; }

    int64_t width, height;
    std::vector<Vec3> pixels;
};

}  // namespace t3video::media::clips
