// The outlines of objects as signed distances: negative inside, about 1 from the middle to the rim.
#pragma once

#include "media/clips/grammar.h"

namespace t3video::media::clips {

// At a point of the object's own coordinates, x to the right and y up; `phase` swings a fish's tail. Not of a cube,
// which is a body (object.cpp).
float distance_to(Thing thing, float x, float y, float phase);

// How far from the rim a shape goes on to rise, as a cushion does.
float bevel_of(Thing thing);

// Soft decoration, so that a turn is visible: a factor on the object's colour.
float pattern_of(Thing thing, float x, float y);

}  // namespace t3video::media::clips
