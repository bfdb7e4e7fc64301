// TIFF 6.0: a header with the byte order, and a directory of entries of 12 bytes.
#include "media/input/tiff_tags.h"

#include <algorithm>

namespace t3video::media {
namespace {

constexpr uint64_t kCompression = 259, kOrientation = 274, kExtraSamples = 338;
constexpr uint64_t kShort = 3, kLong = 4;  // types of values

uint64_t number(std::string_view bytes, bool big_endian) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size(); ++i)
        value = value << 8 | static_cast<uint8_t>(bytes[big_endian ? i : bytes.size() - 1 - i]);
    return value;
}

}  // namespace

TiffTags read_tiff_tags(const ReadAt& read_at) {
    constexpr size_t kHeader = 8, kEntry = 12;
    TiffTags tags;
    const std::string header = read_at(0, kHeader);
    const bool big = header.starts_with(std::string_view("MM\0*", 4));
    if (header.size() < kHeader || (!big && !header.starts_with(std::string_view("II*\0", 4)))) return tags;
    const auto offset = static_cast<int64_t>(number(header.substr(4), big));
    const std::string count = read_at(offset, 2);
    const std::string entries = read_at(offset + 2, number(count, big) * kEntry);
    for (size_t at = 0; at + kEntry <= entries.size(); at += kEntry) {
        const std::string_view entry = std::string_view(entries).substr(at, kEntry);
        const uint64_t tag = number(entry.substr(0, 2), big), type = number(entry.substr(2, 2), big);
        // The first value, where all of them fit into the entry: of extra samples alpha is the first.
        const uint64_t most = type == kShort ? 2 : type == kLong ? 1 : 0, values = number(entry.substr(4, 4), big);
        if (values == 0 || values > most) continue;
        const uint64_t value = number(entry.substr(8, type == kShort ? 2 : 4), big);
        if (tag == kOrientation) tags.orientation = orientation_of_exif(static_cast<int64_t>(value));
        if (tag == kCompression) tags.compression = static_cast<int64_t>(value);
        if (tag == kExtraSamples) tags.premultiplied = value == 1;
    }
    return tags;
}

TiffTags read_tiff_tags(std::string_view block) {
    return read_tiff_tags([block](int64_t offset, size_t count) {
        const size_t from = std::min(static_cast<size_t>(offset), block.size());
        return std::string(block.substr(from, count));
    });
}

}  // namespace t3video::media
