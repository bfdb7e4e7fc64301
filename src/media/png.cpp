// PNG over zlib. Bands of rows are compressed side by side: each ends on a byte boundary and refers to nothing before
// it, so that the bands in a row are one deflate stream, and their checksums combine.
#include "media/png.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/output_file.h"
#include "core/parallel.h"

namespace t3video::media {
namespace {

// Bytes of pixels in a band: a 4K frame has about 50, which keeps 16 threads busy; what a band cannot refer to (32 KiB
// before it) costs under a percent.
constexpr int64_t kBandBytes = 512 * 1024;

std::string big_endian(uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
            static_cast<char>(value)};
}

const Bytef* bytes_of(std::string_view text) {
    return reinterpret_cast<const Bytef*>(text.data());
}

// Length, type, data, checksum over type and data.
void add_chunk(std::string& png, std::string_view type, std::string_view data) {
    png += big_endian(static_cast<uint32_t>(data.size()));
    const size_t start = png.size();
    png.append(type).append(data);
    png += big_endian(static_cast<uint32_t>(crc32_z(0, bytes_of(png) + start, png.size() - start)));
}

uint8_t paeth(int left, int above, int corner) {
    const int to_left = std::abs(above - corner), to_above = std::abs(left - corner),
              to_corner = std::abs(left + above - 2 * corner);
    if (to_left <= to_above && to_left <= to_corner) return static_cast<uint8_t>(left);
    return static_cast<uint8_t>(to_above <= to_corner ? above : corner);
}

// The row as difference to a prediction, after the number of the filter: 1 left, 2 above, 4 Paeth. Takes the one with
// the smallest sum of differences as signed bytes, which the PNG specification proposes for pictures.
// kPixel: bytes of one.
template <int64_t kPixel>
class RowFilter {
  public:
    explicit RowFilter(int64_t row_bytes) : zeros_(static_cast<size_t>(row_bytes + kPixel)) {
        for (Candidate& c : candidates_) c.bytes.resize(static_cast<size_t>(1 + row_bytes));
    }

    // `above` null for the first row of the picture. Valid until the next call.
    const std::vector<uint8_t>& filter(const uint8_t* row, const uint8_t* above) {
        const auto size = static_cast<int64_t>(zeros_.size()) - kPixel;
        if (above == nullptr) above = zeros_.data() + kPixel;
        const auto fill = [&](size_t which, uint8_t number, auto&& predict) {
            Candidate& c = candidates_[which];
            c.bytes[0] = number;
            uint8_t* out = c.bytes.data() + 1;
            for (int64_t i = 0; i < kPixel; ++i) out[i] = static_cast<uint8_t>(row[i] - predict(0, above[i], 0));
            for (int64_t i = kPixel; i < size; ++i) {
                out[i] = static_cast<uint8_t>(row[i] - predict(row[i - kPixel], above[i], above[i - kPixel]));
            }
            c.cost = 0;
            for (int64_t i = 0; i < size; ++i) c.cost += std::abs(static_cast<int8_t>(out[i]));
        };
        fill(0, 1, [](int left, int, int) { return static_cast<uint8_t>(left); });
        fill(1, 2, [](int, int up, int) { return static_cast<uint8_t>(up); });
        fill(2, 4, [](int left, int up, int corner) { return paeth(left, up, corner); });
        return std::ranges::min_element(candidates_, {}, &Candidate::cost)->bytes;
    }

  private:
    struct Candidate {
        std::vector<uint8_t> bytes;
        int64_t cost = 0;
    };
    std::array<Candidate, 3> candidates_;
    std::vector<uint8_t> zeros_;
};

struct DeflatedBand {
    std::string deflated;
    uLong checksum = 0;  // Adler-32 of the filtered rows
    z_off_t size = 0;    // of these, bytes
};

// Compresses the rows of one band as raw deflate.
class Deflate {
  public:
    explicit Deflate(int compression_level) {
        constexpr int kRaw = -15, kMemory = 9;  // no header, a window of 2^15 bytes; the largest match table
        const int status = deflateInit2(&stream_, compression_level, Z_DEFLATED, kRaw, kMemory, Z_FILTERED);
        require(status == Z_OK, "zlib: level ", compression_level, ": status ", status);
    }
    ~Deflate() { deflateEnd(&stream_); }
    Deflate(const Deflate&) = delete;
    Deflate& operator=(const Deflate&) = delete;

    // Appends to `out`. The last call ends with Z_FULL_FLUSH (to a byte boundary) or Z_FINISH.
    void add(const std::vector<uint8_t>& row, int flush, std::string& out) {
        stream_.next_in = const_cast<Bytef*>(row.data());  // zlib reads only
        stream_.avail_in = static_cast<uInt>(row.size());
        do {
            stream_.next_out = buffer_.data();
            stream_.avail_out = static_cast<uInt>(buffer_.size());
            const int status = deflate(&stream_, flush);
            require(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, "zlib: status ", status);
            out.append(reinterpret_cast<const char*>(buffer_.data()), buffer_.size() - stream_.avail_out);
        } while (stream_.avail_out == 0);
    }

  private:
    z_stream stream_{};
    std::array<Bytef, 65536> buffer_;
};

// Rows as the file has them: 16-bit code values with the high byte first.
class FileRows {
  public:
    explicit FileRows(const Image& image) : image_(image) {
        if (image.samples == Samples::u8) return;
        for (auto& row : rows_) row.resize(static_cast<size_t>(image.row_bytes()));
    }

    // Null for the row above the first. Rows y and y - 1 are valid until the next call for y + 1.
    const uint8_t* operator()(int64_t y) {
        if (y < 0) return nullptr;
        if (image_.samples == Samples::u8) return image_.row<uint8_t>(y);
        uint8_t* const row = rows_[static_cast<size_t>(y % 2)].data();
        const uint16_t* codes = image_.row<uint16_t>(y);
        for (int64_t i = 0; i < image_.width * 3; ++i) {
            row[2 * i] = static_cast<uint8_t>(codes[i] >> 8);
            row[2 * i + 1] = static_cast<uint8_t>(codes[i]);
        }
        return row;
    }

  private:
    const Image& image_;
    std::array<std::vector<uint8_t>, 2> rows_;
};

// Rows [first, last) of the picture.
template <int64_t kPixel>
DeflatedBand compress(const Image& image, int64_t first, int64_t last, int compression_level) {
    DeflatedBand band;
    band.checksum = adler32(0, nullptr, 0);
    RowFilter<kPixel> filter(image.width * kPixel);
    Deflate deflate(compression_level);
    FileRows rows(image);
    const uint8_t* above = rows(first - 1);
    for (int64_t y = first; y < last; ++y) {
        const uint8_t* const current = rows(y);
        const auto& row = filter.filter(current, above);
        above = current;
        band.checksum = adler32_z(band.checksum, row.data(), row.size());
        band.size += static_cast<z_off_t>(row.size());
        const bool at_end = y + 1 == last;
        deflate.add(row, !at_end ? Z_NO_FLUSH : last == image.height ? Z_FINISH : Z_FULL_FLUSH, band.deflated);
    }
    return band;
}

// The picture as a zlib stream.
std::string compress(const Image& image, const PngOptions& options) {
    const int64_t rows = std::max<int64_t>(1, kBandBytes / image.row_bytes());
    std::vector<DeflatedBand> bands(static_cast<size_t>((image.height + rows - 1) / rows));
    const int threads = options.threads > 0 ? options.threads : available_threads();
    parallel_for(threads, 0, static_cast<int64_t>(bands.size()), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t first = i * rows, last = std::min(first + rows, image.height);
            bands[static_cast<size_t>(i)] = image.samples == Samples::u8
                                                ? compress<3>(image, first, last, options.compression_level)
                                                : compress<6>(image, first, last, options.compression_level);
        }
    });
    std::string stream("\x78\x01");  // deflate with a window of 2^15 bytes
    uLong checksum = adler32(0, nullptr, 0);
    for (const DeflatedBand& band : bands) {
        stream += band.deflated;
        checksum = adler32_combine(checksum, band.checksum, band.size);
    }
    return stream + big_endian(static_cast<uint32_t>(checksum));
}

}  // namespace

std::string encode_png(const Image& image, const PngOptions& options) {
    require(image.width > 0 && image.height > 0 && image.samples != Samples::f32 &&
                image.rgb.size() == static_cast<size_t>(image.height * image.row_bytes()),
            "PNG of ", image.width, "x", image.height, " with ", image.rgb.size(), " bytes");
    require(options.compression_level >= 1 && options.compression_level <= 9 && options.threads >= 0, "PNG at level ",
            options.compression_level, " with ", options.threads, " threads");
    std::string png("\x89PNG\r\n\x1a\n");
    // Bits a channel, RGB; compression, filter and interlacing as everywhere.
    add_chunk(png, "IHDR",
              big_endian(static_cast<uint32_t>(image.width)) + big_endian(static_cast<uint32_t>(image.height)) +
                  std::string(image.samples == Samples::u8 ? "\x08\x02\x00\x00\x00" : "\x10\x02\x00\x00\x00", 5));
    if (!options.comment.empty()) add_chunk(png, "tEXt", std::string("Comment\0", 8) + options.comment);
    add_chunk(png, "IDAT", compress(image, options));
    add_chunk(png, "IEND", {});
    return png;
}

void write_png(const std::filesystem::path& path, const Image& image, const PngOptions& options) {
    replace_file(path, encode_png(image, options));
}

}  // namespace t3video::media
