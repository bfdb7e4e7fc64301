// HEIF files (HEIC, AVIF): which of their pictures is the one to show, and how.
#pragma once

#include <string>

#include "core/input_file.h"
#include "media/input/picture_file.h"

namespace t3video::media {

// Whether the file is one that holds pictures and no video.
bool is_heif(InputFile& file);

// Of its primary picture. Throws InvalidRequest where that is put together of other pictures (tiles, overlays) or has
// alpha in a picture of its own, since FFmpeg gives those pictures one by one, and where no picture is named.
PictureFile look_at_heif(InputFile& file, const std::string& name);

}  // namespace t3video::media
