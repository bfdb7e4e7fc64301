// Linear light as code values; included by this folder's .cpp files only.
#pragma once

#include <string>

#include "media/ffmpeg.h"

namespace t3video::media {

// A frame of floats as OpenEXR holds them (RGB or grey, with or without alpha that they are multiplied with), as RGB of
// 8 or 16 bits of the same size by the curve of sRGB, over white. Throws InvalidRequest for other formats.
void show_light(const AVFrame& light, AVFrame& rgb, const std::string& name);

}  // namespace t3video::media
