// PNG over zlib: chunks, then rows as differences to a prediction, then samples of 1 to 16 bits.
#include "media/png_reader.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "core/error.h"

namespace t3video::media {
namespace {

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
constexpr int64_t kLargestSide = 32768;  // bounds what a damaged header can ask for
enum Color : int { kGrey = 0, kRgb = 2, kPalette = 3, kGreyAlpha = 4, kRgba = 6 };

struct Png {
    int64_t width = 0, height = 0;
    int bits = 0, color = 0;
    std::string palette, transparency, stream;

    int64_t channels() const { return color == kRgb ? 3 : color == kRgba ? 4 : color == kGreyAlpha ? 2 : 1; }
    int64_t row_bytes() const { return (width * channels() * bits + 7) / 8; }
};

uint32_t byte_at(std::string_view text, size_t i) {
    return static_cast<uint8_t>(text[i]);
}

uint32_t number_at(std::string_view text, size_t i) {
    return byte_at(text, i) << 24 | byte_at(text, i + 1) << 16 | byte_at(text, i + 2) << 8 | byte_at(text, i + 3);
}

class Reader {
  public:
    explicit Reader(const std::filesystem::path& path) : name_(path.string()) {}

    template <class... Parts>
    void check(bool condition, const Parts&... parts) const {
        require_valid(condition, name_, ": damaged PNG file: ", parts...);
    }

    Png chunks(std::string_view file) const {
        check(file.starts_with(kSignature), "it does not start like one");
        Png png;
        bool ended = false;
        for (size_t at = kSignature.size(); !ended;) {
            check(at + 12 <= file.size(), "it ends early");
            const size_t length = number_at(file, at);
            check(length <= file.size() - at - 12, "it ends early");
            const std::string_view checked = file.substr(at + 4, length + 4), type = checked.substr(0, 4),
                                   data = checked.substr(4);
            check(crc32_z(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size()) ==
                      number_at(file, at + 8 + length),
                  "checksum of ", at == kSignature.size() ? "its header" : "a chunk");
            if (type == "IHDR") header(data, png);
            check(png.width > 0, "no header");
            if (type == "PLTE") png.palette = data;
            if (type == "tRNS") png.transparency = data;
            if (type == "IDAT") png.stream += data;
            ended = type == "IEND";
            at += 12 + length;
        }
        check(png.color != kPalette || (!png.palette.empty() && png.palette.size() % 3 == 0), "no palette");
        return png;
    }

    // All rows without their filters, [height, row_bytes].
    std::string rows(const Png& png) const {
        const auto row = static_cast<size_t>(png.row_bytes()), height = static_cast<size_t>(png.height);
        constexpr size_t kLargestRatio = 1032;  // of deflate: more would be memory for nothing
        check((row + 1) * height <= (png.stream.size() + 1) * kLargestRatio, "its pixels do not unpack");
        std::string filtered((row + 1) * height, '\0'), plain(row * height, '\0');
        auto size = static_cast<uLongf>(filtered.size());
        const int status = uncompress(reinterpret_cast<Bytef*>(filtered.data()), &size,
                                      reinterpret_cast<const Bytef*>(png.stream.data()), png.stream.size());
        check(status == Z_OK && size == filtered.size(), "its pixels do not unpack");
        const auto step = static_cast<size_t>(std::max<int64_t>(1, png.channels() * png.bits / 8));
        for (size_t y = 0; y < height; ++y) {
            const char* in = filtered.data() + y * (row + 1);
            check(static_cast<uint8_t>(in[0]) <= 4, "row ", y, " has an unknown filter");
            auto* out = reinterpret_cast<uint8_t*>(plain.data() + y * row);
            for (size_t i = 0; i < row; ++i) {
                const int left = i < step ? 0 : out[i - step], above = y == 0 ? 0 : *(out + i - row),
                          corner = i < step || y == 0 ? 0 : *(out + i - row - step);
                out[i] = static_cast<uint8_t>(in[1 + i] + predicted(in[0], left, above, corner));
            }
        }
        return plain;
    }

    Image image(const Png& png, const std::string& rows) const {
        Image image(png.width, png.height);
        for (int64_t y = 0; y < png.height; ++y) {
            for (int64_t x = 0; x < png.width; ++x) put(png, rows, x, y, image.pixel(x, y));
        }
        return image;
    }

  private:
    void header(std::string_view data, Png& png) const {
        check(data.size() == 13, "its header");
        png.width = number_at(data, 0);
        png.height = number_at(data, 4);
        png.bits = data[8];
        png.color = data[9];
        require_valid(png.width >= 1 && png.height >= 1 && png.width <= kLargestSide && png.height <= kLargestSide,
                      name_, ": ", png.width, "x", png.height, " pixels; expected sides of 1 to ", kLargestSide);
        const bool known = png.color == kGrey || png.color == kRgb || png.color == kPalette ||
                           png.color == kGreyAlpha || png.color == kRgba;
        const bool whole = png.bits == 8 || (png.bits == 16 && png.color != kPalette);
        const bool small = (png.bits == 1 || png.bits == 2 || png.bits == 4) && png.channels() == 1;
        check(known && (whole || small) && data[10] == 0 && data[11] == 0, "its header");
        require_valid(data[12] == 0, name_, ": an interlaced PNG file; save it without interlacing");
    }

    static int predicted(char filter, int left, int above, int corner) {
        if (filter == 0) return 0;
        if (filter == 1) return left;
        if (filter == 2) return above;
        if (filter == 3) return (left + above) / 2;
        const int to_left = std::abs(above - corner), to_above = std::abs(left - corner),
                  to_corner = std::abs(left + above - 2 * corner);
        return to_left <= to_above && to_left <= to_corner ? left : to_above <= to_corner ? above : corner;
    }

    // Sample `i` of a row as it is stored.
    static uint32_t sample(const Png& png, const std::string& rows, int64_t y, int64_t i) {
        const std::string_view row(rows.data() + y * png.row_bytes(), static_cast<size_t>(png.row_bytes()));
        const int64_t bit = i * png.bits;
        const auto at = static_cast<size_t>(bit / 8);
        if (png.bits == 16) return byte_at(row, at) << 8 | byte_at(row, at + 1);
        return byte_at(row, at) >> (8 - png.bits - bit % 8) & ((1u << png.bits) - 1);
    }

    void put(const Png& png, const std::string& rows, int64_t x, int64_t y, uint8_t* pixel) const {
        const int64_t channels = png.channels();
        const auto most = static_cast<double>((1u << png.bits) - 1);
        double rgb[3], alpha = 1;  // of 0..1
        if (png.color == kPalette) {
            const size_t index = sample(png, rows, y, x);
            check(3 * index < png.palette.size(), "a pixel beyond its palette");
            for (size_t c = 0; c < 3; ++c) rgb[c] = byte_at(png.palette, 3 * index + c) / 255.0;
            if (index < png.transparency.size()) alpha = byte_at(png.transparency, index) / 255.0;
        } else {
            const int64_t colors = channels >= 3 ? 3 : 1;
            bool is_key = png.transparency.size() == static_cast<size_t>(2 * colors);  // one colour is transparent
            for (int64_t c = 0; c < 3; ++c) {
                const int64_t stored = std::min(c, colors - 1);
                const uint32_t value = sample(png, rows, y, x * channels + stored);
                rgb[c] = value / most;
                const auto at = static_cast<size_t>(2 * stored);
                is_key = is_key && value == (byte_at(png.transparency, at) << 8 | byte_at(png.transparency, at + 1));
            }
            if (is_key) alpha = 0;
            if (channels % 2 == 0) alpha = sample(png, rows, y, x * channels + channels - 1) / most;
        }
        for (int c = 0; c < 3; ++c) pixel[c] = static_cast<uint8_t>((alpha * rgb[c] + 1 - alpha) * 255 + 0.5);
    }

    std::string name_;
};

}  // namespace

bool is_png(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string start(kSignature.size(), '\0');
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    return file.good() && start == kSignature;
}

Image read_png(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string file{std::istreambuf_iterator<char>(in), {}};
    const Reader reader(path);
    const Png png = reader.chunks(file);
    return reader.image(png, reader.rows(png));
}

}  // namespace t3video::media
