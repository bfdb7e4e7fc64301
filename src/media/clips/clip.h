// A short animated drawing: an object moves over a painted background.
#pragma once

#include "media/clips/colour.h"
#include "media/clips/grammar.h"
#include "media/clips/motion.h"
#include "media/frame.h"

namespace t3video::media::clips {

// Throws InvalidRequest, naming the fields size and frames, for what cannot be drawn.
void check_clip(int64_t width, int64_t height, int64_t frames);

// Keeps its background and path; frames are drawn when they are asked for, in any order.
class Clip {
  public:
    // Throws as check_clip does.
    Clip(const Series::Entry& entry, int64_t width, int64_t height, int64_t frames);

    int64_t frames() const { return static_cast<int64_t>(path_.size()); }
    Picture frame(int64_t index) const;

  private:
    Subject subject_;
    std::vector<Pose> path_;
    Picture background_;
};

// In 8 bits, rounded to the nearest.
Image image_of(const Picture& picture);

}  // namespace t3video::media::clips
