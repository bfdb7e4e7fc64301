// JPEG, WebP and TIFF; HEIF is in heif.cpp.
#include "media/input/picture_file.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/input_file.h"
#include "media/input/heif.h"
#include "media/input/tiff_tags.h"

namespace t3video::media {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExif("Exif\0\0", 6), kJfif("JFIF\0", 5);

// Of JFIF's segment: its two numbers are a shape where they have no unit, else pixels along a unit of length, for which
// FFmpeg takes the former as well.
double aspect_of_jfif(std::string_view segment) {
    constexpr size_t kUnit = 7, kX = 8, kY = 10;
    if (segment.size() < kY + 2) return 1;
    const auto number = [&](size_t at) {
        return double(size_t{static_cast<uint8_t>(segment[at])} << 8 | static_cast<uint8_t>(segment[at + 1]));
    };
    const double x = number(kX), y = number(kY);
    return segment[kUnit] == 0 ? plausible_aspect(x, y) : plausible_aspect(y, x);
}

// Whether a colour profile (ICC) has the name of Apple's, in ASCII or, as version 4 has it, UTF-16.
bool names_display_p3(std::string_view profile) {
    constexpr std::string_view kName = "Display P3";
    std::string wide;
    for (const char c : kName) wide += {'\0', c};
    return profile.find(kName) != std::string_view::npos || profile.find(wide) != std::string_view::npos;
}

// Reads bytes one after the other through a buffer.
class Bytes {
  public:
    explicit Bytes(InputFile& file) : file_(file) { file_.seek(0); }

    // The next byte; -1 at the end.
    int next() {
        if (at_ == buffer_.size() && !refill()) return -1;
        return static_cast<uint8_t>(buffer_[at_++]);
    }
    std::string next(size_t count) {
        std::string bytes;
        for (int byte = 0; bytes.size() < count && (byte = next()) >= 0;) bytes += static_cast<char>(byte);
        return bytes;
    }
    // Goes on behind the next byte of that value; false where there is none.
    bool find(char value) {
        while (at_ < buffer_.size() || refill()) {
            const size_t found = buffer_.find(value, at_);
            at_ = found == std::string::npos ? buffer_.size() : found + 1;
            if (found != std::string::npos) return true;
        }
        return false;
    }
    int64_t position() const { return before_ + static_cast<int64_t>(at_); }

  private:
    bool refill() {
        constexpr size_t kPiece = size_t{1} << 16;
        before_ += static_cast<int64_t>(buffer_.size());
        buffer_ = file_.read(kPiece);
        at_ = 0;
        return !buffer_.empty();
    }

    InputFile& file_;
    std::string buffer_;
    size_t at_ = 0;
    int64_t before_ = 0;  // bytes of the file in front of the buffer
};

// Goes through a JPEG file's segments up to its end marker. FFmpeg fills up the rest of one that ends early.
PictureFile look_at_jpeg(InputFile& file, const std::string& name) {
    constexpr int kFill = 0xFF, kEnd = 0xD9, kScan = 0xDA, kApp0 = 0xE0, kApp1 = 0xE1, kApp2 = 0xE2;
    constexpr int64_t kLargest = int64_t{1} << 30;
    require_valid(file.bytes() <= kLargest, name, ": a JPEG file of more than ", kLargest >> 20, " MiB");
    const auto ends_early = [&] { throw InvalidRequest(concat(name, ": damaged JPEG file: it ends early")); };
    PictureFile picture{.pixel_aspect = 1};
    Bytes bytes(file);
    bytes.next(2);
    bool oriented = false, has_pixels = false;
    while (true) {
        if (!bytes.find(static_cast<char>(kFill))) ends_early();
        int marker = kFill;
        while (marker == kFill) marker = bytes.next();
        if (marker < 0) ends_early();
        const bool alone = marker <= 1 || (marker >= 0xD0 && marker <= 0xD8);  // stuffed zeros, restarts: no length
        if (alone) continue;
        if (marker == kEnd) break;
        const std::string length = bytes.next(2);
        if (length.size() < 2) ends_early();
        const size_t count = size_t{static_cast<uint8_t>(length[0])} << 8 | static_cast<uint8_t>(length[1]);
        require_valid(count >= 2, name, ": damaged JPEG file: a segment of ", count, " bytes");
        const std::string segment = bytes.next(count - 2);
        if (segment.size() < count - 2) ends_early();
        has_pixels = has_pixels || marker == kScan;
        if (marker == kApp2 && segment.starts_with("ICC_PROFILE"))
            picture.display_p3 = picture.display_p3 || names_display_p3(segment);
        if (marker == kApp0 && segment.starts_with(kJfif)) picture.pixel_aspect = aspect_of_jfif(segment);
        if (marker != kApp1 || oriented || !segment.starts_with(kExif)) continue;
        picture.orientation = read_tiff_tags(std::string_view(segment).substr(kExif.size())).orientation;
        oriented = true;
    }
    if (!has_pixels) ends_early();
    picture.bytes = bytes.position();
    return picture;
}

// RIFF chunks: VP8X tells what else there is, EXIF comes behind the pixels.
PictureFile look_at_webp(InputFile& file, const std::string& name) {
    constexpr int64_t kChunks = 12;  // behind "RIFF", the size and "WEBP"
    constexpr uint8_t kAnimated = 0x02;
    constexpr size_t kMostRead = size_t{1} << 20;
    PictureFile picture{.bytes = file.bytes()};
    for (int64_t at = kChunks; at + 8 <= file.bytes();) {
        file.seek(at);
        const std::string head = file.read(8);
        const auto byte = [&](size_t i) { return uint32_t{static_cast<uint8_t>(head[i])}; };
        const uint32_t size = byte(4) | byte(5) << 8 | byte(6) << 16 | byte(7) << 24;
        if (head.starts_with("VP8X")) {
            const std::string flags = file.read(1);
            require_valid(flags.empty() || (static_cast<uint8_t>(flags[0]) & kAnimated) == 0, name,
                          ": an animated WebP, which is not read; make pictures of it, as ImageMagick does: convert ",
                          fs::path(name).filename().string(), " -coalesce frames/%05d.png");
        } else if (head.starts_with("ICCP")) {
            picture.display_p3 = names_display_p3(file.read(std::min<size_t>(size, kMostRead)));
        } else if (head.starts_with("EXIF")) {
            const std::string data = file.read(std::min<size_t>(size, kMostRead));
            // Some writers put JPEG's prefix in front.
            const size_t begin = data.starts_with(kExif) ? kExif.size() : 0;
            picture.orientation = read_tiff_tags(std::string_view(data).substr(begin)).orientation;
        }
        at += 8 + int64_t{size} + size % 2;
    }
    return picture;
}

PictureFile look_at_tiff(InputFile& file, const std::string& name) {
    const TiffTags tags = read_tiff_tags([&](int64_t offset, size_t count) {
        file.seek(std::min(offset, file.bytes()));
        return file.read(count);
    });
    // FFmpeg 5.1 gives black pictures for these.
    constexpr int64_t kOldJpeg = 6, kJpeg = 7;
    require_valid(tags.compression != kOldJpeg && tags.compression != kJpeg, name,
                  ": JPEG inside TIFF, which is not read; convert it to PNG");
    return {.bytes = file.bytes(), .orientation = tags.orientation, .premultiplied = tags.premultiplied};
}

bool is_webp(std::string_view head) {
    return head.starts_with("RIFF") && head.substr(std::min<size_t>(8, head.size())).starts_with("WEBP");
}

constexpr size_t kHead = 16;

}  // namespace

PictureFile look_at_picture(const fs::path& path) {
    InputFile file(path, "a picture");
    const std::string head = file.read(kHead), name = path.string();
    if (head.starts_with("\xFF\xD8")) return look_at_jpeg(file, name);
    if (is_webp(head)) return look_at_webp(file, name);
    if (head.starts_with(std::string_view("II*\0", 4)) || head.starts_with(std::string_view("MM\0*", 4)))
        return look_at_tiff(file, name);
    if (is_heif(file)) return look_at_heif(file, name);
    return {.bytes = file.bytes()};
}

bool is_still_container(const fs::path& path) {
    InputFile file(path, "a video or image");
    return is_webp(file.read(kHead)) || is_heif(file);
}

}  // namespace t3video::media
