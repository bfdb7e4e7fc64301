// Where a ray enters a box: after the last of three pairs of planes, if before it leaves the first.
#include "media/clips/cube.h"

#include <algorithm>

namespace t3video::media::clips {
namespace {

constexpr float kHalf = 0.72f;  // of an edge
constexpr float kTilt = 0.50f;  // of the view, in radians

}  // namespace

Cube::Cube(float turn, float pixel) : pixel_(pixel) {
    const float ct = std::cos(turn), st = std::sin(turn), cp = std::cos(kTilt), sp = std::sin(kTilt);
    axes_ = {Axis{ct, -sp * st, cp * st}, Axis{0, cp, sp}, Axis{-st, -sp * ct, cp * ct}};
}

// Depths run towards the viewer: a ray enters where all pairs of planes have been entered, at the least of the depths
// of their near planes, and leaves at the greatest of those of their far planes.
Cube::Seen Cube::seen_at(float x, float y) const {
    std::array<float, 3> near{};
    float far = 0;
    for (size_t i = 0; i < 3; ++i) {
        const Axis& axis = axes_[i];
        const float at = x * axis.right + y * axis.up;
        const float along = std::abs(axis.back) < 1e-3f ? 1e-3f : axis.back;
        const float a = (-kHalf - at) / along, b = (kHalf - at) / along;
        near[i] = std::max(a, b);
        far = i == 0 ? std::min(a, b) : std::max(far, std::min(a, b));
    }
    std::array<float, 3> sorted = near;
    std::ranges::sort(sorted);
    Seen seen{clamp01((sorted[0] - far) / (2.2f * pixel_)), {}, 1};
    if (seen.cover == 0) return seen;

    // Neighbouring faces blend over about one pixel: weights are a softmax of minus the depth.
    Vec3 normal;
    for (size_t i = 0; i < 3; ++i) {
        const Axis& axis = axes_[i];
        const float weight = std::exp((sorted[0] - near[i]) / (0.8f * pixel_));
        const float side = axis.back > 0 ? weight : axis.back < 0 ? -weight : 0.0f;
        normal = normal + Vec3{axis.right, axis.up, axis.back} * side;
    }
    seen.normal = normalised(normal);
    seen.rim = 1 + 0.16f * std::exp(-(sorted[1] - sorted[0]) / 0.05f);
    return seen;
}

}  // namespace t3video::media::clips
