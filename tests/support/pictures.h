// Pictures to make films from.
#pragma once

#include <cmath>
#include <filesystem>
#include <string>
#include <utility>

#include "media/png.h"

namespace t3video::testing {

// Waves, which move with `shift`.
inline media::Image picture(int64_t width, int64_t height, int64_t shift = 0) {
    media::Image image(width, height);
    for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
            uint8_t* pixel = image.pixel(x, y);
            pixel[0] = static_cast<uint8_t>(128 + 90 * std::sin(double(x + shift) / 9));
            pixel[1] = static_cast<uint8_t>(128 + 90 * std::cos(double(y - shift) / 7));
            pixel[2] = static_cast<uint8_t>(40 + shift + x % 64);
        }
    }
    return image;
}

// EXIF data, which are a TIFF file too, that say how a picture is turned: 1 to 8.
inline std::string exif(int orientation, bool big_endian) {
    std::string text = big_endian ? std::string("MM\0*\0\0\0\x08", 8) : std::string("II*\0\x08\0\0\0", 8);
    const auto add = [&](int value, int bytes) {
        for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * (big_endian ? bytes - 1 - i : i));
    };
    constexpr int kShort = 3, kOrientation = 274, kWidth = 256;
    add(2, 2);
    for (const auto& [tag, value] : {std::pair(kWidth, 64), std::pair(kOrientation, orientation)}) {
        add(tag, 2);
        add(kShort, 2);
        add(1, 4);
        add(value, 2);
        add(0, 2);
    }
    add(0, 4);
    return text;
}

// A video as a folder: pictures of 64x64 pixels, each shifted by one. Returns the folder.
inline std::filesystem::path write_pictures(const std::filesystem::path& folder, int64_t count) {
    std::filesystem::create_directories(folder);
    for (int64_t i = 0; i < count; ++i) media::write_png(folder / (std::to_string(i) + ".png"), picture(64, 64, i));
    return folder;
}

}  // namespace t3video::testing
