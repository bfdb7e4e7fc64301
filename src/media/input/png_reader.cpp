// PNG over zlib, streamed: chunks, then rows as differences to a prediction, then samples of 1 to 16 bits. An
// interlaced picture is seven smaller ones.
#include "media/input/png_reader.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/input_file.h"
#include "media/input/tiff_tags.h"

namespace t3video::media {
namespace {

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
constexpr int64_t kLargestSide = 32768;
constexpr size_t kPiece = size_t{1} << 16;  // of a chunk, read at a time
enum Color : int { kGrey = 0, kRgb = 2, kPalette = 3, kGreyAlpha = 4, kRgba = 6 };

uint32_t byte_at(std::string_view text, size_t i) {
    return static_cast<uint8_t>(text[i]);
}

uint32_t number_at(std::string_view text, size_t i) {
    return byte_at(text, i) << 24 | byte_at(text, i + 1) << 16 | byte_at(text, i + 2) << 8 | byte_at(text, i + 3);
}

int predicted(uint8_t filter, int left, int above, int corner) {
    if (filter == 0) return 0;
    if (filter == 1) return left;
    if (filter == 2) return above;
    if (filter == 3) return (left + above) / 2;
    const int to_left = std::abs(above - corner), to_above = std::abs(left - corner),
              to_corner = std::abs(left + above - 2 * corner);
    return to_left <= to_above && to_left <= to_corner ? left : to_above <= to_corner ? above : corner;
}

// What stands before the pixels.
struct PngHeader {
    int64_t width = 0, height = 0;
    int bits = 0, color = 0;
    bool interlaced = false;
    double pixel_aspect = 1;
    std::string palette, transparency;

    int64_t channels() const { return color == kRgb ? 3 : color == kRgba ? 4 : color == kGreyAlpha ? 2 : 1; }
    size_t row_bytes() const { return static_cast<size_t>((width * channels() * bits + 7) / 8); }
    size_t step() const { return static_cast<size_t>(std::max<int64_t>(1, channels() * bits / 8)); }  // of a pixel
};

// Turns rows of samples, of any depth and colour type, into 8-bit RGB.
class SampleConverter {
  public:
    SampleConverter() = default;
    SampleConverter(const PngHeader& head, std::string name) : header_(head), name_(std::move(name)) {
        copied_ = head.color == kRgb && head.bits == 8 && head.transparency.size() != 6;
        tabled_ = head.channels() == 1 && head.bits <= 8;
        if (!tabled_) return;
        for (uint32_t value = 0; value < (1u << head.bits); ++value) {
            if (head.color == kPalette && 3 * value >= head.palette.size()) break;
            table_[value] = color_of({value, value, value}, 1);
        }
    }

    void convert(const uint8_t* row, uint8_t* rgb) const {
        if (copied_) {
            std::copy_n(row, header_.width * 3, rgb);
        } else if (tabled_) {
            convert_by_table(row, rgb);
        } else {
            const int64_t channels = header_.channels();
            const auto most = static_cast<double>((1u << header_.bits) - 1);
            for (int64_t x = 0; x < header_.width; ++x) {
                const auto at = [&](int64_t c) { return sample(row, x * channels + c); };
                const bool grey = channels < 3;
                const double alpha = channels % 2 == 0 ? at(channels - 1) / most : 1;
                const auto color = color_of({at(0), at(grey ? 0 : 1), at(grey ? 0 : 2)}, alpha);
                rgb = std::copy_n(color.begin(), 3, rgb);
            }
        }
    }

  private:
    using Color3 = std::array<uint8_t, 3>;

    void convert_by_table(const uint8_t* row, uint8_t* rgb) const {
        const auto known =
            static_cast<uint32_t>(header_.color == kPalette ? header_.palette.size() / 3 : table_.size());
        for (int64_t x = 0; x < header_.width; ++x) {
            const uint32_t value = sample(row, x);
            require_valid(value < known, name_, ": damaged PNG file: a pixel beyond its palette");
            rgb = std::copy_n(table_[value].begin(), 3, rgb);
        }
    }

    // Sample `i` of a row as it is stored.
    uint32_t sample(const uint8_t* row, int64_t i) const {
        if (header_.bits == 8) return row[i];
        if (header_.bits == 16) return uint32_t{row[2 * i]} << 8 | row[2 * i + 1];
        const int64_t bit = i * header_.bits;
        return uint32_t{row[bit / 8]} >> (8 - header_.bits - bit % 8) & ((1u << header_.bits) - 1);
    }

    // Over white. Of a palette the values are its index.
    Color3 color_of(const std::array<uint32_t, 3>& values, double alpha) const {
        const auto most = static_cast<double>((1u << header_.bits) - 1);
        const size_t colors = header_.channels() >= 3 ? 3 : 1;
        bool is_key =
            header_.color != kPalette && header_.transparency.size() == 2 * colors;  // one colour is transparent
        std::array<double, 3> rgb{};                                                 // of 0..1
        for (size_t c = 0; c < 3; ++c) {
            const size_t at = 2 * std::min(c, colors - 1);
            rgb[c] = header_.color == kPalette ? byte_at(header_.palette, 3 * values[c] + c) / 255.0 : values[c] / most;
            is_key =
                is_key && values[c] == (byte_at(header_.transparency, at) << 8 | byte_at(header_.transparency, at + 1));
        }
        if (header_.color == kPalette && values[0] < header_.transparency.size())
            alpha = byte_at(header_.transparency, values[0]) / 255.0;
        if (is_key && colors == static_cast<size_t>(header_.channels())) alpha = 0;
        Color3 color{};
        for (size_t c = 0; c < 3; ++c) color[c] = static_cast<uint8_t>((alpha * rgb[c] + 1 - alpha) * 255 + 0.5);
        return color;
    }

    PngHeader header_;
    std::string name_;
    bool copied_ = false, tabled_ = false;
    std::array<Color3, 256> table_{};
};

// Every `column_step`-th pixel from column `column` on, of every `row_step`-th row from row `row` on.
struct Pass {
    int64_t column = 0, row = 0, column_step = 1, row_step = 1;
};
constexpr std::array<Pass, 7> kAdam7 = {
    {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}};

class Inflate {
  public:
    Inflate() { require(inflateInit(&stream) == Z_OK, "out of memory for zlib"); }
    ~Inflate() { inflateEnd(&stream); }
    Inflate(const Inflate&) = delete;
    Inflate& operator=(const Inflate&) = delete;
    z_stream stream{};
};

class PngReader : public FrameReader {
  public:
    explicit PngReader(const std::filesystem::path& path) : name_(path.string()), file_(path, "a picture") {
        check(file_.read(kSignature.size()) == kSignature, "it does not start like one");
        read_header();
        width_ = header_.width;
        height_ = header_.height;
        pixel_aspect_ = header_.pixel_aspect;
        // A file of a few bytes does not make us take memory for the pixels that it claims to have.
        constexpr int64_t kMostPacked = 1032;  // zlib's limit: bytes that one of the file can stand for
        check(static_cast<int64_t>(header_.row_bytes()) * height_ / kMostPacked <= file_.bytes(),
              "its pixels do not unpack");
    }
    // Two rows of at most eight bytes a pixel, one of 8-bit RGB; zlib's window and the piece. Or a whole frame beside.
    int64_t bytes() const override {
        return (8 + 8 + 3) * width_ + (int64_t{1} << 18) + (header_.interlaced ? frame_bytes(width_, height_) : 0);
    }

  private:
    template <class... Parts>
    void check(bool condition, const Parts&... parts) const {
        require_valid(condition, name_, ": damaged PNG file: ", parts...);
    }

    std::string read_bytes(size_t count) {
        std::string bytes = file_.read(count);
        check(bytes.size() == count, "it ends early");
        return bytes;
    }

    // Goes to the next chunk's data.
    void open_chunk() {
        const std::string start = read_bytes(8);
        left_ = number_at(start, 0);
        type_ = start.substr(4);
        sum_ = crc32_z(0, reinterpret_cast<const Bytef*>(type_.data()), type_.size());
    }
    std::string read_data(size_t most) {
        std::string data = read_bytes(std::min<size_t>(most, left_));
        left_ -= static_cast<uint32_t>(data.size());
        sum_ = crc32_z(sum_, reinterpret_cast<const Bytef*>(data.data()), data.size());
        return data;
    }
    void close_chunk() {
        while (left_ > 0) read_data(kPiece);
        check(sum_ == number_at(read_bytes(4), 0), "checksum of ", type_ == "IHDR" ? "its header" : "a chunk");
    }

    // Up to the first pixels.
    void read_header() {
        for (open_chunk(); type_ != "IDAT" && type_ != "IEND"; open_chunk()) {
            if (type_ == "IHDR") {
                parse(read_data(kPiece));
            } else {
                check(header_.width > 0, "no header");
                constexpr size_t kLargest = 768;  // 256 colours of three bytes
                if (type_ == "PLTE") header_.palette = read_data(kLargest);
                if (type_ == "tRNS") header_.transparency = read_data(kLargest);
                check((type_ != "PLTE" && type_ != "tRNS") || left_ == 0, type_, " is too long");
                if (type_ == "pHYs") parse_density(read_data(kPiece));
            }
            close_chunk();
        }
        check(header_.width > 0, "no header");
        check(header_.color != kPalette || (!header_.palette.empty() && header_.palette.size() % 3 == 0), "no palette");
    }

    void parse(std::string_view data) {
        check(data.size() == 13 && left_ == 0, "its header");
        header_.width = number_at(data, 0);
        header_.height = number_at(data, 4);
        header_.bits = data[8];
        header_.color = data[9];
        require_valid(header_.width >= 1 && header_.height >= 1 && header_.width <= kLargestSide &&
                          header_.height <= kLargestSide,
                      name_, ": ", header_.width, "x", header_.height, " pixels; expected sides of 1 to ",
                      kLargestSide);
        const bool known = header_.color == kGrey || header_.color == kRgb || header_.color == kPalette ||
                           header_.color == kGreyAlpha || header_.color == kRgba;
        const bool whole = header_.bits == 8 || (header_.bits == 16 && header_.color != kPalette);
        const bool small = (header_.bits == 1 || header_.bits == 2 || header_.bits == 4) && header_.channels() == 1;
        check(known && (whole || small) && data[10] == 0 && data[11] == 0, "its header");
        check(data[12] == 0 || data[12] == 1, "its header");
        header_.interlaced = data[12] == 1;
    }

    // Pixels along a unit of length, across and down.
    void parse_density(std::string_view data) {
        if (data.size() == 9) header_.pixel_aspect = plausible_aspect(number_at(data, 4), number_at(data, 0));
    }

    bool next(const RowSink& sink) override {
        if (std::exchange(done_, true)) return false;
        Inflate inflate;
        if (header_.interlaced) {
            read_interlaced(inflate.stream, sink);
        } else {
            read_rows(inflate.stream, header_, [&](int64_t, const uint8_t* rgb) { sink(rgb); });
        }
        std::vector<uint8_t> more(1);
        check(unpack(inflate.stream, more) == 0 && packed_ended_, "its pixels do not unpack");
        for (; type_ != "IEND"; open_chunk()) close_chunk();
        close_chunk();
        return true;
    }

    void read_interlaced(z_stream& stream, const RowSink& sink) {
        Image whole(width_, height_);
        for (const Pass& pass : kAdam7) {
            PngHeader part = header_;
            part.width = (width_ - pass.column + pass.column_step - 1) / pass.column_step;
            part.height = (height_ - pass.row + pass.row_step - 1) / pass.row_step;
            if (part.width <= 0 || part.height <= 0) continue;
            read_rows(stream, part, [&](int64_t y, const uint8_t* rgb) {
                for (int64_t x = 0; x < part.width; ++x)
                    std::copy_n(rgb + 3 * x, 3,
                                whole.pixel(pass.column + x * pass.column_step, pass.row + y * pass.row_step));
            });
        }
        for (int64_t y = 0; y < height_; ++y) sink(whole.pixel(0, y));
    }

    // The rows of a picture, or of a pass of it, in 8-bit RGB.
    template <class Take>
    void read_rows(z_stream& stream, const PngHeader& part, const Take& take) {
        const SampleConverter converter(part, name_);
        const size_t size = part.row_bytes();
        std::vector<uint8_t> row(size + 1), above(size + 1, 0), rgb(static_cast<size_t>(part.width) * 3);
        for (int64_t y = 0; y < part.height; ++y) {
            check(unpack(stream, row) == row.size(), "its pixels do not unpack");
            check(row[0] <= 4, "row ", y, " has an unknown filter");
            unfilter(row, above);
            converter.convert(row.data() + 1, rgb.data());
            take(y, rgb.data());
            row.swap(above);
        }
    }

    // Fills `to` from the chunks of pixels; returns how much of it there was.
    size_t unpack(z_stream& stream, std::vector<uint8_t>& to) {
        stream.next_out = to.data();
        stream.avail_out = static_cast<uInt>(to.size());
        while (stream.avail_out > 0 && !packed_ended_) {
            if (stream.avail_in == 0 && !next_piece(stream)) break;
            const int status = inflate(&stream, Z_NO_FLUSH);
            check(status == Z_OK || status == Z_STREAM_END, "its pixels do not unpack");
            packed_ended_ = status == Z_STREAM_END;
        }
        return to.size() - stream.avail_out;
    }

    bool next_piece(z_stream& stream) {
        while (left_ == 0 || type_ != "IDAT") {
            if (type_ == "IEND") return false;
            close_chunk();
            open_chunk();
        }
        piece_ = read_data(kPiece);
        stream.next_in = reinterpret_cast<Bytef*>(piece_.data());
        stream.avail_in = static_cast<uInt>(piece_.size());
        return true;
    }

    // Both with the filter's number in front.
    void unfilter(std::vector<uint8_t>& row, const std::vector<uint8_t>& above) const {
        if (row[0] == 0) return;
        const size_t step = header_.step();
        for (size_t i = 1; i < row.size(); ++i) {
            const bool first = i <= step;
            row[i] = static_cast<uint8_t>(
                row[i] + predicted(row[0], first ? 0 : row[i - step], above[i], first ? 0 : above[i - step]));
        }
    }

    std::string name_;
    InputFile file_;
    PngHeader header_;
    std::string type_, piece_;  // of the chunk that is open
    uint32_t left_ = 0;         // of its data
    uLong sum_ = 0;             // over its type and the data that was read
    bool done_ = false, packed_ended_ = false;
};

// EXIF data may stand before or behind the pixels. Plain where there are none, and where the file is damaged.
Orientation orientation_in(const std::filesystem::path& path) {
    constexpr int64_t kFrame = 12;  // of a chunk: length, type and checksum
    constexpr uint32_t kMost = 1 << 20;
    InputFile file(path, "a picture");
    for (auto at = static_cast<int64_t>(kSignature.size()); at + kFrame <= file.bytes();) {
        file.seek(at);
        const std::string start = file.read(8);
        const uint32_t length = number_at(start, 0);
        if (start.ends_with("eXIf")) return read_tiff_tags(file.read(std::min(length, kMost))).orientation;
        at += kFrame + length;
    }
    return {};
}

}  // namespace

bool is_png(const std::filesystem::path& path) {
    return InputFile(path, "a picture").read(kSignature.size()) == kSignature;
}

std::unique_ptr<FrameReader> open_png(const std::filesystem::path& path, int64_t memory) {
    auto reader = std::make_unique<PngReader>(path);
    require_room(reader->bytes(), memory, path.string(), reader->width(), reader->height());
    return turned(std::move(reader), orientation_in(path), memory, path.string());
}

}  // namespace t3video::media
