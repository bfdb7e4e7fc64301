// The curve of sRGB: IEC 61966-2-1.
#include "media/input/light.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace t3video::media {
namespace {

// 0..1 to 0..1; what is darker or brighter is cut off.
float code_of(float light) {
    if (!(light > 0)) return 0;  // NaN too
    return light <= 0.0031308f ? 12.92f * light : 1.055f * std::pow(std::min(light, 1.0f), 1 / 2.4f) - 0.055f;
}

const float* row_of(const AVFrame& frame, int plane, int y) {
    return reinterpret_cast<const float*>(frame.data[plane] + int64_t{y} * frame.linesize[plane]);
}

template <class T>
void show(const AVFrame& light, bool grey, bool alpha, AVFrame& rgb) {
    constexpr auto kMost = static_cast<float>(T(~T{0}));
    const std::array<int, 3> planes = grey ? std::array{0, 0, 0} : std::array{2, 0, 1};  // in the order G, B, R
    for (int y = 0; y < light.height; ++y) {
        auto* to = reinterpret_cast<T*>(rgb.data[0] + int64_t{y} * rgb.linesize[0]);
        for (int c = 0; c < 3; ++c) {
            const float* from = row_of(light, planes[static_cast<size_t>(c)], y);
            const float* opaque = alpha ? row_of(light, 3, y) : nullptr;
            for (int x = 0; x < light.width; ++x) {
                const float white = opaque != nullptr ? std::clamp(1 - opaque[x], 0.0f, 1.0f) : 0.0f;
                to[3 * x + c] = static_cast<T>(std::lround(kMost * code_of(from[x] + white)));
            }
        }
    }
}

}  // namespace

void show_light(const AVFrame& light, AVFrame& rgb, const std::string& name) {
    const auto format = static_cast<AVPixelFormat>(light.format);
    const bool grey = format == AV_PIX_FMT_GRAYF32, alpha = format == AV_PIX_FMT_GBRAPF32;
    require_valid(grey || alpha || format == AV_PIX_FMT_GBRPF32, name,
                  ": numbers of a kind that is not read in OpenEXR; convert it to floats of 16 or 32 bits");
    if (rgb.format == AV_PIX_FMT_RGB24)
        show<uint8_t>(light, grey, alpha, rgb);
    else
        show<uint16_t>(light, grey, alpha, rgb);
}

}  // namespace t3video::media
