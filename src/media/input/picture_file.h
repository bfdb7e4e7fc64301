// What files of pictures say beside their pixels, in every build: how they are to be shown, where the picture ends, and
// whether it is of a kind that decoders would take for something else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "media/input/orientation.h"

namespace t3video::media {

struct PictureFile {
    int64_t bytes = 0;  // of the picture; what follows is no part of it, as the video of a phone's "motion photo"
    Orientation orientation;
    std::optional<double> pixel_aspect;         // a pixel's width by its height, of JPEG
    bool display_p3 = false;                    // of JPEG and WebP: its colour profile is called so
    bool premultiplied = false;                 // colours are multiplied with alpha
    bool heif = false;                          // HEIC or AVIF
    int64_t coded_width = 0, coded_height = 0;  // of a HEIF file's picture: its thumbnails have other sizes
};

// Looks at JPEG, WebP, TIFF and HEIF files (HEIC, AVIF); of others only the size is known. Throws InvalidRequest for a
// JPEG that ends early or has more than 1 GiB, an animated WebP, a TIFF that holds a JPEG, a HEIF picture that is put
// together of others or has alpha, and where the file cannot be read.
PictureFile look_at_picture(const std::filesystem::path& path);

// Whether it begins like a HEIF file that holds pictures only, or a WebP: files that may be asked for as videos too.
bool is_still_container(const std::filesystem::path& path);

}  // namespace t3video::media
