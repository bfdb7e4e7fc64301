// Sizes for people.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "core/message.h"

namespace t3video {

// Up for what is needed, down for what is there.
enum class Rounded : uint8_t { up, down };

// "700 bytes", "12 KiB", "250 MiB", "17.2 GiB". Below zero is nothing.
inline std::string readable_bytes(int64_t bytes, Rounded rounded = Rounded::up) {
    bytes = std::max<int64_t>(bytes, 0);
    const auto units = [rounded](int64_t part, int shift) {
        const int64_t whole = part >> shift;
        return whole + (rounded == Rounded::up && part > whole << shift ? 1 : 0);
    };
    if (bytes < int64_t{1} << 10) return concat(bytes, bytes == 1 ? " byte" : " bytes");
    if (bytes < int64_t{1} << 20) return concat(units(bytes, 10), " KiB");
    if (bytes < int64_t{1} << 30) return concat(units(bytes, 20), " MiB");
    const int64_t whole = bytes >> 30, tenths = 10 * whole + units((bytes - (whole << 30)) * 10, 30);
    return concat(tenths / 10, '.', tenths % 10, " GiB");
}

}  // namespace t3video
