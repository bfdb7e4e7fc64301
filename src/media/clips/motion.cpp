// Six motions, each a little uneven in speed, with a swaying beside it.
#include "media/clips/motion.h"

#include "media/clips/colour.h"

namespace t3video::media::clips {
namespace {

constexpr float kUsualAspect = 1.75;  // 448x256; paths of narrower pictures are narrower

// What a path is made of. Every motion draws all of it, so that what is drawn next does not depend on the motion.
struct Chances {
    explicit Chances(Draws& draws)
        : radius(draws.uniform(0.29f, 0.36f)),
          across(draws.uniform(0.52f, 0.64f)),
          along(draws.uniform(0.64f, 0.76f)),
          unused(draws.uniform()),
          x_across(draws.uniform(-0.35f, 0.35f)),
          x_else(draws.uniform(-0.75f, 0.75f)),
          y_along(draws.uniform(-0.16f, 0.16f)),
          y_in_place(draws.uniform(-0.12f, 0.18f)),
          y_across(draws.uniform(-0.16f, 0.26f)),
          bob(draws.uniform()),
          sway_rate(draws.uniform(0.6f, 0.9f)),
          sway(draws.uniform()),
          phase(draws.uniform()) {}

    float radius, across, along, unused, x_across, x_else, y_along, y_in_place, y_across, bob, sway_rate, sway, phase;
};

}  // namespace

std::vector<Pose> draw_path(Motion motion, int64_t frames, float aspect, Draws& draws) {
    const Chances chance(draws);
    const bool across = motion == Motion::left || motion == Motion::right;
    const bool along = motion == Motion::rises || motion == Motion::falls;
    const bool spins = motion == Motion::spins, grows = motion == Motion::grows;
    const float sign = motion == Motion::left || motion == Motion::falls ? -1.0f : 1.0f;
    const float narrow = std::min(1.0f, aspect / kUsualAspect);
    const float reach = across ? chance.across * aspect / kUsualAspect : along ? chance.along : 0.0f;
    const float x0 = narrow * (across ? chance.x_across : chance.x_else);
    const float y0 = along ? chance.y_along : spins || grows ? chance.y_in_place : chance.y_across;
    std::vector<Pose> path;
    for (int64_t i = 0; i < frames; ++i) {
        const float s = frames > 1 ? float(i) / float(frames - 1) : 0.0f;  // 0 to 1 over the clip
        const float move = s + 0.03f * std::sin(kTurn * s);
        const float way = sign * reach * (2 * move - 1);
        const float bob = 0.018f * std::sin(kTurn * (s + chance.bob));
        const float sway = 0.10f * std::sin(kTurn * (s * chance.sway_rate + chance.sway));
        const float turn = spins ? -200 * kPi / 180 * s : sway;
        path.push_back({.x = x0 + (across ? way : 0.6f * bob),
                        .y = y0 + (along ? way / 2 : bob),
                        .radius = chance.radius * (grows ? 0.50f + 0.98f * move : 1.0f),
                        .turn = turn,
                        .roll = spins    ? turn
                                : across ? -way * 1.3f
                                         : 0.0f,
                        .phase = kTurn * (2 * s + chance.phase),
                        .flip = motion == Motion::left ? -1.0f : 1.0f,
                        .spins = spins});
    }
    return path;
}

}  // namespace t3video::media::clips
