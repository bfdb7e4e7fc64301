// Sizes for people.
#pragma once

#include <cstdint>
#include <string>

#include "core/message.h"

namespace t3video {

// "700 bytes", "12 KiB", "3 MiB": rounded up, for what is needed. Below zero is nothing.
inline std::string readable_need(int64_t bytes) {
    if (bytes < int64_t{1} << 10) return concat(bytes < 0 ? 0 : bytes, bytes == 1 ? " byte" : " bytes");
    const int shift = bytes < int64_t{1} << 20 ? 10 : 20;
    return concat(((bytes - 1) >> shift) + 1, shift == 10 ? " KiB" : " MiB");
}

// Rounded down, for what is there.
inline std::string readable_room(int64_t bytes) {
    if (bytes < int64_t{1} << 10) return readable_need(bytes);
    const int shift = bytes < int64_t{1} << 20 ? 10 : 20;
    return concat(bytes >> shift, shift == 10 ? " KiB" : " MiB");
}

}  // namespace t3video
