// OpenEXR over zlib: one part of scan lines, as openexr.com's "File Layout" lays it out.
#include "media/exr.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/dtype.h"
#include "core/error.h"
#include "core/parallel.h"

namespace t3video::media {
namespace {

constexpr int64_t kBlockRows = 16;    // of the format's ZIP compression
constexpr int kCompressionLevel = 1;  // of zlib: higher ones take far longer for a few percent

// Little end first, whatever the machine's.
template <class T>
std::string bytes_of(T value) {
    std::string text(sizeof(T), '\0');
    if constexpr (std::is_floating_point_v<T>) return bytes_of(std::bit_cast<uint32_t>(value));
    for (size_t i = 0; i < sizeof(T); ++i) text[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
    return text;
}

template <class... T>
std::string list(T... values) {
    return (bytes_of(values) + ...);
}

std::string attribute(std::string_view name, std::string_view type, const std::string& value) {
    std::string text;
    text.append(name).append(1, '\0').append(type).append(1, '\0');
    return text + bytes_of(static_cast<int32_t>(value.size())) + value;
}

// Channels are in alphabetical order.
std::string channels(bool half) {
    std::string text;
    for (const char name : {'B', 'G', 'R'}) {
        text += std::string(1, name) + '\0' + list(int32_t{half ? 1 : 2}, int32_t{0}, int32_t{1}, int32_t{1});
    }
    return text + '\0';
}

// FFmpeg 5 loses its way behind an attribute of 256 bytes or more that it does not know. Names of the parts are in
// alphabetical order, in which programs write them again.
std::string comments(std::string_view text) {
    constexpr size_t kMost = 255, kDigits = 6;
    std::string all;
    for (size_t part = 0; !text.empty(); ++part) {
        size_t count = std::min(kMost, text.size());
        const auto within_character = [&] { return (static_cast<uint8_t>(text[count]) & 0xC0) == 0x80; };  // of UTF-8
        while (count < text.size() && count > kMost - 4 && within_character()) --count;
        const std::string number = std::to_string(part);
        const std::string name = part == 0 ? "" : std::string(kDigits - number.size(), '0') + number;
        all += attribute("comments" + name, "string", std::string(text.substr(0, count)));
        text.remove_prefix(count);
    }
    return all;
}

std::string header(const Image& image, const ExrOptions& options) {
    const auto right = static_cast<int32_t>(image.width - 1), bottom = static_cast<int32_t>(image.height - 1);
    const std::string window = list(int32_t{0}, int32_t{0}, right, bottom);
    constexpr uint8_t kZip = 3, kTopDown = 0;
    std::string text = list(int32_t{20000630}, int32_t{2});  // magic number, version
    text += attribute("channels", "chlist", channels(options.half));
    text += attribute("chromaticities", "chromaticities",
                      list(0.64f, 0.33f, 0.30f, 0.60f, 0.15f, 0.06f, 0.3127f, 0.3290f));  // of BT.709, white D65
    text += comments(options.comment);
    text += attribute("compression", "compression", bytes_of(kZip));
    text += attribute("dataWindow", "box2i", window);
    text += attribute("displayWindow", "box2i", window);
    text += attribute("lineOrder", "lineOrder", bytes_of(kTopDown));
    text += attribute("pixelAspectRatio", "float", bytes_of(1.0f));
    text += attribute("screenWindowCenter", "v2f", list(0.0f, 0.0f));
    text += attribute("screenWindowWidth", "float", bytes_of(1.0f));
    return text + '\0';
}

// Rows [first, last): per row all of B, then G, then R.
template <class Number>
std::string samples(const Image& image, int64_t first, int64_t last) {
    std::string text;
    text.reserve(static_cast<size_t>((last - first) * image.width * 3) * sizeof(Number));
    for (int64_t y = first; y < last; ++y) {
        const float* row = image.row<float>(y);
        for (const int64_t channel : {2, 1, 0}) {
            for (int64_t x = 0; x < image.width; ++x) {
                const float light = linear_light(row[3 * x + channel]);
                if constexpr (sizeof(Number) == 2) {
                    const uint16_t bits = f16(light).bits;
                    text += static_cast<char>(bits);
                    text += static_cast<char>(bits >> 8);
                } else {
                    const auto bits = std::bit_cast<uint32_t>(light);
                    for (int i = 0; i < 4; ++i) text += static_cast<char>(bits >> (8 * i));
                }
            }
        }
    }
    return text;
}

// Bytes at even offsets before those at odd ones, each as its difference to the one before plus 128, then deflated;
// stored as it is where that is no smaller.
std::string compress(const std::string& raw) {
    std::string mixed(raw.size(), '\0');
    const size_t half = (raw.size() + 1) / 2;
    for (size_t i = 0; i < raw.size(); ++i) mixed[i / 2 + (i % 2 == 0 ? 0 : half)] = raw[i];
    for (size_t i = mixed.size() - 1; i > 0; --i) mixed[i] = static_cast<char>(mixed[i] - mixed[i - 1] + 128);
    uLongf size = compressBound(mixed.size());
    std::string packed(size, '\0');
    const int status = compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                                 reinterpret_cast<const Bytef*>(mixed.data()), mixed.size(), kCompressionLevel);
    require(status == Z_OK, "zlib: status ", status);
    packed.resize(size);
    return packed.size() < raw.size() ? packed : raw;
}

}  // namespace

float linear_light(float value) {
    const float code = std::abs(value * 0.5f + 0.5f);
    const float light = code <= 0.04045f ? code / 12.92f : std::pow((code + 0.055f) / 1.055f, 2.4f);
    return value < -1.0f ? -light : light;
}

std::string encode_exr(const Image& image, const ExrOptions& options) {
    require(image.samples == Samples::f32 && image.width > 0 && image.height > 0 &&
                image.rgb.size() == static_cast<size_t>(image.height * image.row_bytes()),
            "EXR of ", image.width, "x", image.height, " with ", image.rgb.size(), " bytes");
    std::vector<std::string> blocks(static_cast<size_t>((image.height + kBlockRows - 1) / kBlockRows));
    const int threads = options.threads > 0 ? options.threads : available_threads();
    parallel_for(threads, 0, static_cast<int64_t>(blocks.size()), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t first = i * kBlockRows, last = std::min(first + kBlockRows, image.height);
            const std::string data =
                compress(options.half ? samples<uint16_t>(image, first, last) : samples<uint32_t>(image, first, last));
            blocks[static_cast<size_t>(i)] =
                list(static_cast<int32_t>(first), static_cast<int32_t>(data.size())) + data;
        }
    });
    std::string file = header(image, options);
    uint64_t offset = file.size() + 8 * blocks.size();  // of the first block, after the table of offsets
    for (const std::string& block : blocks) {
        file += bytes_of(offset);
        offset += block.size();
    }
    for (const std::string& block : blocks) file += block;
    return file;
}

}  // namespace t3video::media
