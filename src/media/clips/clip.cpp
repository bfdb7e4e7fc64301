// Background, shadow or halo, object: in this order.
#include "media/clips/clip.h"

#include "core/error.h"
#include "media/clips/backgrounds.h"
#include "media/clips/object.h"

namespace t3video::media::clips {
namespace {

constexpr int64_t kLeastSide = 16, kMostSide = 16384, kMostFrames = 10'000;

}  // namespace

void check_clip(int64_t width, int64_t height, int64_t frames) {
    const auto fits = [](int64_t side) { return side >= kLeastSide && side <= kMostSide; };
    require_valid(fits(width) && fits(height), Field("size", width, "x", height), ": expected sides of ", kLeastSide,
                  " to ", kMostSide);
    require_valid(frames >= 1 && frames <= kMostFrames, Field("frames", frames), ": expected 1 to ", kMostFrames);
}

Clip::Clip(const Series::Entry& entry, int64_t width, int64_t height, int64_t frames)
    : subject_(entry.subject), background_(0, 0) {
    check_clip(width, height, frames);
    Draws draws(entry.seed);
    path_ = draw_path(subject_.motion, frames, float(width) / float(height), draws);
    background_ = paint(subject_.background, width, height, draws);
}

Picture Clip::frame(int64_t index) const {
    const Pose& pose = path_.at(static_cast<size_t>(index));
    const Vec3 pigment = pigment_of(subject_.colour);
    Picture picture = background_;
    shade(picture, subject_.background, pigment, pose);
    draw_object(picture, subject_.thing, pigment, pose);
    return picture;
}

Image image_of(const Picture& picture) {
    Image image(picture.width, picture.height);
    uint8_t* out = image.rgb.data();
    for (const Vec3& pixel : picture.pixels) {
        for (const float value : {pixel.x, pixel.y, pixel.z})
            *out++ = static_cast<uint8_t>(std::lround(clamp01(value) * 255));
    }
    return image;
}

}  // namespace t3video::media::clips
