// Readers of the files that frames are written to, apart from the code that writes them: PNG by zlib, YUV4MPEG2 by
// hand.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "media/frame.h"
#include "support/files.h"

namespace t3video::testing {

inline void expect_format(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error("malformed file: " + what);
}

// An 8-bit RGB picture without interlacing. Checks every length and checksum.
inline media::Image decode_png(const std::string& file) {
    const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(file.at(i))); };
    const auto number = [&](size_t i) { return byte(i) << 24 | byte(i + 1) << 16 | byte(i + 2) << 8 | byte(i + 3); };
    expect_format(file.starts_with("\x89PNG\r\n\x1a\n"), "signature");
    media::Image image;
    std::string stream, last;
    for (size_t at = 8; at < file.size();) {
        const size_t length = number(at);
        expect_format(at + 12 + length <= file.size(), "chunk length");
        last = file.substr(at + 4, 4);
        const auto* checked = reinterpret_cast<const Bytef*>(file.data() + at + 4);
        expect_format(crc32(0, checked, static_cast<uInt>(length + 4)) == number(at + 8 + length), "CRC of " + last);
        if (last == "IHDR") {
            image = media::Image(number(at + 8), number(at + 12));
            expect_format(length == 13 && file.substr(at + 16, 5) == std::string("\x08\x02\0\0\0", 5), "IHDR");
        }
        if (last == "IDAT") stream += file.substr(at + 8, length);
        at += 12 + length;
    }
    expect_format(last == "IEND", "end");

    const auto stride = static_cast<size_t>(image.width * 3);
    std::vector<uint8_t> rows((stride + 1) * static_cast<size_t>(image.height));
    uLongf size = rows.size();
    // uncompress() also checks the Adler-32 at the end.
    const int status = uncompress(rows.data(), &size, reinterpret_cast<const Bytef*>(stream.data()), stream.size());
    expect_format(status == Z_OK && size == rows.size(), "zlib stream, status " + std::to_string(status));
    for (size_t y = 0; y < static_cast<size_t>(image.height); ++y) {
        const uint8_t* row = rows.data() + y * (stride + 1);
        uint8_t* out = image.rgb.data() + y * stride;
        for (size_t i = 0; i < stride; ++i) {
            const int a = i < 3 ? 0 : out[i - 3], b = y == 0 ? 0 : *(out + i - stride),
                      c = i < 3 || y == 0 ? 0 : *(out + i - 3 - stride);
            const int p = a + b - c, pa = std::abs(p - a), pb = std::abs(p - b), pc = std::abs(p - c);
            const int predictions[] = {0, a, b, (a + b) / 2, pa <= pb && pa <= pc ? a : pb <= pc ? b : c};
            expect_format(row[0] <= 4, "filter " + std::to_string(row[0]));
            out[i] = static_cast<uint8_t>(row[1 + i] + predictions[row[0]]);
        }
    }
    return image;
}

inline media::Image read_png(const std::filesystem::path& path) {
    return decode_png(read_file(path));
}

struct Y4m {
    std::string header;  // the first line
    int64_t width = 0, height = 0;
    std::string fps;                  // "8:1"
    std::vector<std::string> frames;  // three planes each

    int64_t chroma_width() const { return (width + 1) / 2; }
    int64_t chroma_height() const { return (height + 1) / 2; }
    // Plane 0: luma, 1: Cb, 2: Cr.
    int sample(size_t frame, int plane, int64_t x, int64_t y) const {
        const int64_t chroma = chroma_width() * chroma_height();
        const int64_t start = plane == 0 ? 0 : width * height + (plane - 1) * chroma;
        const int64_t stride = plane == 0 ? width : chroma_width();
        return static_cast<uint8_t>(frames.at(frame).at(static_cast<size_t>(start + y * stride + x)));
    }
};

// 8-bit 4:2:0.
inline Y4m read_y4m(const std::filesystem::path& path) {
    const std::string file = read_file(path);
    const size_t end = file.find('\n');
    expect_format(file.starts_with("YUV4MPEG2 ") && end != std::string::npos, "header");
    Y4m film{.header = file.substr(0, end)};
    std::istringstream words(film.header);
    for (std::string word; words >> word;) {
        if (word[0] == 'W') film.width = std::stoll(word.substr(1));
        if (word[0] == 'H') film.height = std::stoll(word.substr(1));
        if (word[0] == 'F') film.fps = word.substr(1);
        if (word[0] == 'C') expect_format(word.starts_with("C420"), word);
    }
    const auto size = static_cast<size_t>(film.width * film.height + 2 * film.chroma_width() * film.chroma_height());
    expect_format(size > 0, "size");
    for (size_t at = end + 1; at < file.size(); at += 6 + size) {
        expect_format(file.substr(at, 6) == "FRAME\n" && at + 6 + size <= file.size(), "frame");
        film.frames.push_back(file.substr(at + 6, size));
    }
    return film;
}

}  // namespace t3video::testing
