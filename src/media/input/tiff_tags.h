// The tags of a TIFF file's first directory that change how its picture is shown; EXIF data are such a file as well.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "media/input/orientation.h"

namespace t3video::media {

struct TiffTags {
    Orientation orientation;
    bool premultiplied = false;  // colours are multiplied with alpha ("associated")
    int64_t compression = 0;     // tag 259; 0 where it is absent
};

// Bytes of a file from an offset on: at most `count`, fewer at its end.
using ReadAt = std::function<std::string(int64_t offset, size_t count)>;

// Plain where the file is none, or damaged: who decodes it says so.
TiffTags read_tiff_tags(const ReadAt& read_at);
TiffTags read_tiff_tags(std::string_view block);

}  // namespace t3video::media
