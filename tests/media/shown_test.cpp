// Videos and pictures as players show them: tests/data/media/make.sh says what is in the files.
#include <algorithm>
#include <array>
#include <cmath>

#include "media/exr.h"
#include "media/film_comment.h"
#include "media/frame_writer.h"
#include "media/input/film_reader.h"
#include "media_fixture.h"
#include "support/files.h"

namespace t3video::media {
namespace {

const std::filesystem::path kMedia = T3VIDEO_TEST_DATA "/media";

class ShownTest : public MediaTest {
  protected:
    // A film of one frame, whose bytes may then be changed.
    std::string film(int64_t width, int64_t height) const {
        const auto writer = open_writer(folder() / "film.mp4", width, height, 25);
        writer->write(moving_picture(width, height, 0));
        writer->close();
        return testing::read_file(folder() / "film.mp4");
    }
};

Image first_of(FrameReader& reader) {
    Image image;
    EXPECT_TRUE(reader.read(image));
    return image;
}

std::vector<int> colour_at(const Image& image, int64_t x, int64_t y) {
    return {image.pixel(x, y), image.pixel(x, y) + 3};
}

void expect_near(const std::vector<int>& found, const std::vector<double>& expected, double tolerance) {
    for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(found[c], expected[c], tolerance) << ::testing::PrintToString(found);
}

template <class T>
std::string little_endian(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

// Nine numbers of 32 bits, in units of 1/65536 but for the third column's 1/2^30.
std::string matrix(int a, int b, int c, int d) {
    std::string text;
    for (const int value : {a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30}) {
        for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
    }
    return text;
}

TEST_F(ShownTest, DisplayMatrixTurnsFrames) {
    std::string file = film(64, 48);
    const Image stored = first_of(*open_frames(folder() / "film.mp4"));
    const size_t at = file.find("tkhd") + 44;  // ISO/IEC 14496-12, version 0 of the box
    ASSERT_EQ(file.substr(at, 36), matrix(1, 0, 0, 1));
    // By the clock: what was below comes to the left.
    file.replace(at, 36, matrix(0, 1, -1, 0));
    const auto turned = open_frames(make_file("turned.mp4", file));
    EXPECT_EQ(turned->width(), 48);
    EXPECT_EQ(turned->height(), 64);
    const Image shown = first_of(*turned);
    for (int64_t y = 0; y < 64; ++y) {
        for (int64_t x = 0; x < 48; ++x)
            ASSERT_TRUE(std::equal(shown.pixel(x, y), shown.pixel(x, y) + 3, stored.pixel(y, 47 - x)));
    }
    file.replace(at, 36, matrix(-1, 0, 0, 1));
    const Image mirrored = first_of(*open_frames(make_file("mirrored.mp4", file)));
    EXPECT_TRUE(std::equal(mirrored.pixel(0, 5), mirrored.pixel(0, 5) + 3, stored.pixel(63, 5)));
    for (const std::string& other : {matrix(1, 1, -1, 1), matrix(0, 0, 0, 0)}) {
        file.replace(at, 36, other);
        const std::string message = complaint([&] { open_frames(make_file("askew.mp4", file)); });
        EXPECT_TRUE(contains(message, "no quarter turn") && contains(message, "ffmpeg -i askew.mp4")) << message;
    }
}

TEST_F(ShownTest, PixelsNeedNotBeSquare) {
    std::string file = film(64, 48);
    const size_t at = file.find("pasp") + 4;
    ASSERT_EQ(file.substr(at, 8), std::string("\0\0\0\1\0\0\0\1", 8));
    EXPECT_EQ(open_frames(folder() / "film.mp4")->pixel_aspect(), 1);
    const auto aspect_of = [&](const char* numbers) {
        file.replace(at, 8, std::string(numbers, 8));
        return open_frames(make_file("wide.mp4", file))->pixel_aspect();
    };
    EXPECT_EQ(aspect_of("\0\0\0\4\0\0\0\3"), 4.0 / 3);
    EXPECT_EQ(aspect_of("\0\0\0\1\0\0\0\x60"), 1) << "nobody's pixels";
}

// Which of the numbered pictures of gap.mp4 is shown, by its brightness.
std::vector<int> numbers_of(FrameReader& reader) {
    std::vector<int> numbers;
    for (Image image; reader.read(image);) {
        const double luma = 16 + *image.pixel(16, 16) * 219.0 / 255;
        numbers.push_back(static_cast<int>(std::lround((luma - 16) / 8)));
    }
    return numbers;
}

TEST_F(ShownTest, FramesAreTakenByTheirTimes) {
    const auto at = [](double fps) {
        const auto reader = open_frames(kMedia / "gap.mp4");
        EXPECT_TRUE(reader->timed());
        if (fps > 0) reader->sample_at(fps);
        return numbers_of(*reader);
    };
    EXPECT_EQ(at(0), (std::vector{0, 1, 2, 3, 10, 11, 12}));
    EXPECT_EQ(at(10), (std::vector{0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 10, 11, 12}));
    EXPECT_EQ(at(5), (std::vector{0, 2, 3, 3, 3, 10, 12}));
    EXPECT_EQ(at(20).size(), 26u);
    EXPECT_EQ(at(1), (std::vector{0, 10}));
    // The same frames in a .mkv file that states 25.
    EXPECT_NEAR(open_frames(kMedia / "opus.mkv")->fps(), 7 / 1.3, 0.5);
    // Seven frames in 1.3 seconds, though the first ones come at ten a second.
    EXPECT_NEAR(open_frames(kMedia / "gap.mp4")->fps(), 7 / 1.3, 1.1);
}

// Of the same rate, each frame once, whatever rounding does to times; of a rate below, every so many.
TEST_F(ShownTest, SteadyRatesLoseNoFrames) {
    const auto write = [&](const std::string& name, double fps, int64_t frames) {
        const auto writer = open_writer(folder() / name, 64, 48, fps);
        for (int64_t i = 0; i < frames; ++i) {
            Image image(64, 48);
            std::fill(image.rgb.begin(), image.rgb.end(), static_cast<uint8_t>(i));
            writer->write(image);
        }
        writer->close();
    };
    const auto levels = [&](const std::string& name, double fps) {
        const auto reader = open_frames(folder() / name);
        reader->sample_at(fps > 0 ? fps : reader->fps());
        std::vector<int> found;
        for (Image image; reader->read(image);) found.push_back(*image.pixel(0, 0));
        return found;
    };
    for (const char* name : {"a.mkv", "a.mp4", "a.mov"}) {
        write(name, 29.97, 60);
        const auto found = levels(name, 0);
        ASSERT_EQ(found.size(), 60u) << name;
        for (int i = 0; i < 60; ++i) EXPECT_NEAR(found[size_t(i)], i, 2) << name;
        write(name, 50, 60);
        const auto half = levels(name, 25);
        ASSERT_EQ(half.size(), 30u) << name;
        for (int i = 0; i < 30; ++i) EXPECT_NEAR(half[size_t(i)], 2 * i, 2) << name;
        EXPECT_EQ(levels(name, 100).size(), 120u) << name;
    }
}

void expect_areas(const std::filesystem::path& file, double tolerance) {
    const Image image = first_of(*open_frames(file));
    const int expected[4][3] = {{220, 30, 30}, {40, 220, 40}, {30, 30, 220}, {180, 180, 180}};
    for (int area = 0; area < 4; ++area) {
        const uint8_t* pixel =
            image.pixel(image.width * (1 + 2 * (area % 2)) / 4, image.height * (1 + 2 * (area / 2)) / 4);
        for (int c = 0; c < 3; ++c)
            EXPECT_NEAR(pixel[c], expected[area][c], tolerance) << file.filename() << ", area " << area << ", " << c;
    }
}

TEST_F(ShownTest, UntaggedColoursFollowTheSize) {
    expect_areas(kMedia / "untagged-hd.mp4", 3);
    expect_areas(kMedia / "untagged.avi", 4);
}

TEST_F(ShownTest, HdrBecomesBt709) {
    expect_areas(kMedia / "smpte2084.mp4", 5);
    expect_areas(kMedia / "arib-std-b67.mp4", 5);
}

// Logarithms end at 1/100 and 1/316 of the light, below which all is black.
TEST_F(ShownTest, LightWithoutACurveBecomesBt709) {
    for (const char* name : {"linear.mkv", "log100.mkv", "log316.mkv"}) expect_areas(kMedia / name, 8);
}

// By the size, as any video without tags, unless it is of our own: BT.601 makes (76, 85, 255) of red.
TEST_F(ShownTest, Y4mOfOthersIsLikeAnyUntaggedVideo) {
    const auto shown = [&](int width, int height, const std::string& words) {
        std::string file = concat("YUV4MPEG2 W", width, " H", height, " F25:1 Ip A1:1 C444", words, "\nFRAME\n");
        for (const char* sample : {"\x51", "\x5A", "\xF0"}) file.append(static_cast<size_t>(width * height), *sample);
        return colour_at(first_of(*open_frames(make_file("a.y4m", file))), 9, 9);
    };
    const std::vector<double> by_601 = {254, 0, 0}, by_709 = {255, 24, 0};
    expect_near(shown(64, 48, ""), by_601, 2);
    expect_near(shown(64, 48, " XCOLORRANGE=LIMITED"), by_601, 2);
    expect_near(shown(64, 48, " XT3VIDEO=BT709"), by_709, 2);
    expect_near(shown(1280, 16, ""), by_709, 2);
}

// FFmpeg, for one, calls "linear" what it writes, whatever it is.
TEST_F(ShownTest, DpxHasDisplayValues) {
    constexpr size_t kHeader = 2048, kTransfer = 801;  // SMPTE 268M
    std::string file(kHeader, '\0');
    const auto put = [&](size_t at, const std::string& value) { file.replace(at, value.size(), value); };
    put(0, "XPDS" + little_endian(uint32_t{kHeader}) + "V1.0");
    put(16, little_endian(uint32_t{kHeader + 3 * 32 * 32}));
    put(770, little_endian(uint16_t{1}) + little_endian(uint32_t{32}) + little_endian(uint32_t{32}));
    put(800, std::string("\x32\2\2\x8", 4) + little_endian(uint16_t{0}));  // RGB, linear, BT.709, 8 bits
    put(808, little_endian(uint32_t{kHeader}));
    for (int i = 0; i < 32 * 32; ++i) file += std::string("\xC8\x64\x32", 3);
    for (const char transfer : {'\0', '\2'}) {
        file[kTransfer] = transfer;
        expect_near(colour_at(first_of(*open_picture(make_file("a.dpx", file))), 9, 9), {200, 100, 50}, 0);
    }
}

TEST_F(ShownTest, CoversAreNoVideos) {
    for (const auto& action : {&open_frames, &open_picture}) {
        const std::string message = complaint([&] { action(kMedia / "cover.mp3", kNoLimit, {}); });
        EXPECT_TRUE(contains(message, "cover.mp3: holds sound only, and a cover")) << message;
    }
    EXPECT_EQ(numbers_of(*open_frames(kMedia / "cover.mp4")), (std::vector{0, 1, 2, 3, 10, 11, 12}));
}

// A flat WebP with a colour profile's name. P3 (200, 100, 50) is sRGB (214.9, 92.6, 31.0), by the primaries' matrices.
TEST_F(ShownTest, DisplayP3BecomesSrgb) {
    const Image flat = first_of(*open_picture(kMedia / "flat.webp"));
    const std::string plain = testing::read_file(kMedia / "flat.webp");
    std::string profile = "ICCP";
    profile += std::string("\x0A\0\0\0", 4) + "Display P3";
    const std::string header = "VP8X" + std::string("\x0A\0\0\0\x20\0\0\0\x1F\0\0\x1F\0\0", 14);
    const std::string body = "WEBP" + header + profile + plain.substr(12);
    const std::string size{static_cast<char>(body.size()), static_cast<char>(body.size() >> 8), '\0', '\0'};
    const Image shown = first_of(*open_picture(make_file("p3.webp", "RIFF" + size + body)));
    const double stored[3] = {200, 100, 50}, expected[3] = {214.9, 92.6, 31.0};
    for (int c = 0; c < 3; ++c) {
        EXPECT_NEAR(flat.pixel(9, 9)[c], stored[c], 1);
        EXPECT_NEAR(shown.pixel(9, 9)[c], expected[c], 2);
    }
}

TEST_F(ShownTest, TransparencyLiesOnWhite) {
    for (const char* name : {"transparent.webm", "transparent.gif", "transparent.webp", "transparent.tiff"}) {
        for (const auto& reader : {open_frames(kMedia / name), open_picture(kMedia / name)}) {
            const Image image = first_of(*reader);
            const uint8_t *left = image.pixel(4, 16), *right = image.pixel(28, 16);
            const int expected[3] = {30, 30, 220};
            for (int c = 0; c < 3; ++c) {
                EXPECT_NEAR(left[c], 255, 2) << name;
                EXPECT_NEAR(right[c], expected[c], 4) << name;
            }
        }
    }
    // Colours that are multiplied with alpha already: half of (100, 50, 20).
    std::string tiff = testing::read_file(kMedia / "transparent.tiff");
    const std::string pixel("\x32\x19\x0A\x80", 4), unassociated("\x52\1\3\0\1\0\0\0\2\0", 10);
    const size_t tag = tiff.find(unassociated);
    ASSERT_NE(tag, std::string::npos);
    tiff[tag + 8] = 1;
    for (size_t i = 8; i + 4 <= 8 + size_t{4} * 32 * 32; i += 4) tiff.replace(i, 4, pixel);
    const Image image = first_of(*open_picture(make_file("a.tiff", tiff)));
    EXPECT_EQ((std::vector<int>{image.rgb.begin(), image.rgb.begin() + 3}), (std::vector{177, 152, 137}));
}

// A file of 32x32 pixels of the same value in each channel; names in alphabetical order.
std::string flat_exr(const std::vector<std::pair<std::string, float>>& channels) {
    constexpr int kSide = 32;
    const auto attribute = [](const std::string& name, const std::string& type, const std::string& value) {
        return name + '\0' + type + '\0' + little_endian(static_cast<int32_t>(value.size())) + value;
    };
    std::string list, row;
    for (const auto& [name, value] : channels) {
        list += name + '\0' + little_endian(2) + little_endian(0) + little_endian(1) + little_endian(1);
        for (int x = 0; x < kSide; ++x) row += little_endian(value);
    }
    const std::string window =
        little_endian(0) + little_endian(0) + little_endian(kSide - 1) + little_endian(kSide - 1);
    std::string file = little_endian(20000630) + little_endian(2) + attribute("channels", "chlist", list + '\0') +
                       attribute("compression", "compression", std::string(1, '\0')) +
                       attribute("dataWindow", "box2i", window) + attribute("displayWindow", "box2i", window) +
                       attribute("lineOrder", "lineOrder", std::string(1, '\0')) +
                       attribute("pixelAspectRatio", "float", little_endian(1.0f)) +
                       attribute("screenWindowCenter", "v2f", little_endian(0.0f) + little_endian(0.0f)) +
                       attribute("screenWindowWidth", "float", little_endian(1.0f)) + '\0';
    const size_t table = file.size(), first = table + 8 * kSide;
    for (size_t y = 0; y < kSide; ++y) file += little_endian(static_cast<uint64_t>(first + y * (row.size() + 8)));
    for (int y = 0; y < kSide; ++y) file += little_endian(y) + little_endian(static_cast<int32_t>(row.size())) + row;
    return file;
}

// Code values by the curve of sRGB: 0.5 becomes 188, 0.2 becomes 124, 0.001 becomes 3.
TEST_F(ShownTest, LightOfExrGetsItsCurve) {
    const auto shown = [&](const std::vector<std::pair<std::string, float>>& channels) {
        return colour_at(first_of(*open_picture(make_file("a.exr", flat_exr(channels)))), 9, 9);
    };
    EXPECT_EQ(shown({{"B", 0.001f}, {"G", 0.2f}, {"R", 0.5f}}), (std::vector{188, 124, 3}));
    EXPECT_EQ(shown({{"B", -1.0f}, {"G", 7.0f}, {"R", 1.0f}}), (std::vector{255, 255, 0}));
    EXPECT_EQ(shown({{"Y", 0.5f}}), (std::vector{188, 188, 188}));
    // Multiplied with alpha already: 0.1 of white is added.
    EXPECT_EQ(shown({{"A", 0.9f}, {"B", 0.0f}, {"G", 0.1f}, {"R", 0.4f}}), (std::vector{188, 124, 89}));
}

// With a record of any length, whose parts do not end within a character.
TEST_F(ShownTest, ExrOfOurOwnIsRead) {
    const Image image = moving_picture(64, 48, 1);
    Image values(64, 48, Samples::f32);
    for (int64_t y = 0; y < 48; ++y) {
        for (int64_t i = 0; i < 64 * 3; ++i)
            values.row<float>(y)[i] = static_cast<float>(image.pixel(0, y)[i]) / 127.5f - 1;
    }
    for (const size_t length : {0, 200, 255, 256, 257, 3000}) {
        std::string record(length % 2, 'x');
        while (record.size() < length) record += "\xC3\xA4";
        make_file("a.exr", encode_exr(values, {.half = false, .comment = record}));
        EXPECT_EQ(read_film_info(folder() / "a.exr").comment, record);
        EXPECT_TRUE(first_of(*open_picture(folder() / "a.exr")) == image) << length;
    }
    // As it was written at first: in one attribute.
    std::string whole(3000, 'y'), file = encode_exr(values, {.comment = "z"});
    const std::string before = std::string("comments\0string\0", 16);
    file.replace(file.find(before), before.size() + 5, before + little_endian(3000) + whole);
    EXPECT_EQ(read_film_info(make_file("old.exr", file)).comment, whole);
}

// 32x32 pixels of Y, Cb, Cr in the range 0..255, as JPEG has them.
std::string flat_tiff(uint32_t photometric) {
    constexpr int kPixels = 32 * 32;
    std::string file = std::string("II*\0", 4) + little_endian(uint32_t{8 + 3 * kPixels});
    for (int i = 0; i < kPixels; ++i) file += "\x4C\x55\xFF";  // red, 254 0 0
    constexpr uint16_t kShort = 3, kLong = 4;
    const std::vector<std::array<uint32_t, 3>> tags = {
        {256, kShort, 32}, {257, kShort, 32}, {258, kShort, 8},  {259, kShort, 1},          {262, kShort, photometric},
        {273, kLong, 8},   {277, kShort, 3},  {278, kShort, 32}, {279, kLong, 3 * kPixels}, {530, kShort, 0x10001}};
    file += little_endian(static_cast<uint16_t>(tags.size()));
    for (const auto& [tag, type, value] : tags) {
        file += little_endian(static_cast<uint16_t>(tag)) + little_endian(static_cast<uint16_t>(type)) +
                little_endian(uint32_t{tag == 530 ? 2u : 1u}) + little_endian(value);
    }
    return file + little_endian(uint32_t{0});
}

TEST_F(ShownTest, YcbcrOfTiffIsOfFullRange) {
    constexpr uint32_t kYcbcr = 6;
    expect_near(colour_at(first_of(*open_picture(make_file("a.tiff", flat_tiff(kYcbcr)))), 9, 9), {254, 0, 0}, 3);
}

TEST_F(ShownTest, KindsThatAreNotDecodedAreNamed) {
    constexpr uint32_t kLab = 8;
    const auto path = make_file("a.tiff", flat_tiff(kLab));
    for (const int64_t memory : {kNoLimit, int64_t{1} << 30}) {
        const std::string message = complaint([&] { open_picture(path, memory); });
        EXPECT_TRUE(contains(message, "a.tiff: damaged, or of a kind that this FFmpeg does not decode")) << message;
    }
    const auto large = make_file("b.exr", flat_exr({{"Y", 0.5f}}));
    const std::string message = complaint([&] { open_picture(large, 8000); });
    EXPECT_TRUE(contains(message, "b.exr") && !contains(message, "damaged")) << message;
}

TEST_F(ShownTest, HeicIsReadOrNamed) {
    try {
        expect_areas(kMedia / "photo.heic", 12);  // an FFmpeg that reads it
    } catch (const InvalidRequest& refusal) {
        EXPECT_TRUE(contains(refusal.what(), "photo.heic: a HEIC or AVIF picture") &&
                    contains(refusal.what(), "heif-convert photo.heic photo.png"))
            << refusal.what();
    }
}

}  // namespace
}  // namespace t3video::media
