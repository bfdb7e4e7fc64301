// The object of a clip, lit from the upper left, and the light that it exchanges with the background.
#pragma once

#include "media/clips/colour.h"
#include "media/clips/motion.h"

namespace t3video::media::clips {

// Of an object's colour, as its pigment: light and shade are added.
Vec3 pigment_of(Colour colour);

// Lays a soft shadow on the ground below the object, or a halo around it where there is no ground to see.
void shade(Picture& picture, Background background, Vec3 pigment, const Pose& pose);

// Draws it over the picture, with edges smoothed over one pixel.
void draw_object(Picture& picture, Thing thing, Vec3 pigment, const Pose& pose);

}  // namespace t3video::media::clips
