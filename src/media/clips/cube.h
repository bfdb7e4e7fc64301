// A cube seen from slightly above, without perspective.
#pragma once

#include <array>

#include "media/clips/colour.h"

namespace t3video::media::clips {

class Cube {
  public:
    // `turn`: about its upright axis, in radians; `pixel`: size of a pixel in the object's coordinates.
    Cube(float turn, float pixel);

    struct Seen {
        float cover;
        Vec3 normal;  // to the right, up, towards the viewer
        float rim;    // a factor on its colour, which is brighter along the edges
    };
    Seen seen_at(float x, float y) const;

  private:
    // The viewer's directions along one axis of the cube.
    struct Axis {
        float right, up, back;
    };
    std::array<Axis, 3> axes_;
    float pixel_;
};

}  // namespace t3video::media::clips
