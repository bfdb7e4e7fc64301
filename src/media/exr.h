// Writes an image of floats to an OpenEXR file.
#pragma once

#include <string>

#include "media/frame.h"

namespace t3video::media {

// The linear light of a decoded value -1..1, on a scale where 1 gives 1, by the curve of sRGB; values beyond -1 and 1
// go on along the curve, below black mirrored.
float linear_light(float value);

struct ExrOptions {
    bool half = true;          // 16-bit floats, rounded to the nearest; false: 32-bit
    int threads = 0;           // 0: one per core; the bytes are the same for any number
    std::string comment = {};  // in attributes "comments", "comments000001" ...; empty: none
};

// The bytes of an OpenEXR file: R, G and B in linear light with BT.709's primaries, as programs expect of the format,
// compressed by zlib in blocks of 16 rows. `image` is of f32.
std::string encode_exr(const Image& image, const ExrOptions& options = {});

}  // namespace t3video::media
