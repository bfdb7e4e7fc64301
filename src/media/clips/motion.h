// Where the object of a clip is in every frame.
#pragma once

#include <vector>

#include "media/clips/draws.h"
#include "media/clips/grammar.h"

namespace t3video::media::clips {

// Lengths in half heights of the picture: x to the right and y up from its middle. Angles in radians.
struct Pose {
    float x = 0, y = 0, radius = 0;
    float turn = 0;   // of the object, anticlockwise
    float roll = 0;   // of a ball, which rolls where others sway
    float phase = 0;  // of tails and strings
    float flip = 1;   // -1: looks to the left
    bool spins = false;
};

// One pose per frame; `aspect` is width by height.
std::vector<Pose> draw_path(Motion motion, int64_t frames, float aspect, Draws& draws);

}  // namespace t3video::media::clips
