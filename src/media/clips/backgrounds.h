// Six painted backgrounds.
#pragma once

#include "media/clips/colour.h"
#include "media/clips/draws.h"
#include "media/clips/grammar.h"

namespace t3video::media::clips {

// Colours are muted on purpose: a program must be able to tell the vivid object from any background, and white objects
// from snow, clouds and stars.
Picture paint(Background background, int64_t width, int64_t height, Draws& draws);

}  // namespace t3video::media::clips
