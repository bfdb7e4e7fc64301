// Pictures and folders of pictures as input, whole and damaged.
#include "media/input/film_reader.h"

#include <zlib.h>

#include <functional>
#include <stop_token>

#include "core/error.h"
#include "media/png.h"
#include "media_fixture.h"
#include "support/files.h"
#include "support/memory.h"
#include "support/pictures.h"

namespace t3video::media {
namespace {

std::string number(size_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
            static_cast<char>(value)};
}

std::string chunk(const std::string& type, const std::string& data) {
    const std::string checked = type + data;
    const auto sum = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
    return number(data.size()) + checked + number(sum);
}

// `rows`: with the filter's number before each row. `extra`: chunks between header and pixels.
std::string png(int64_t width, int64_t height, int bits, int color, const std::string& rows,
                const std::string& extra = {}, int interlaced = 0) {
    std::string packed(compressBound(rows.size()), '\0');
    uLongf size = packed.size();
    compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()), rows.size());
    packed.resize(size);
    const std::string header = number(size_t(width)) + number(size_t(height)) + char(bits) + char(color) +
                               std::string(2, '\0') + char(interlaced);
    return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + extra + chunk("IDAT", packed) + chunk("IEND", "");
}

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) text += static_cast<char>(value);
    return text;
}

Image read_picture(const std::filesystem::path& path) {
    Image image;
    const auto reader = open_picture(path);
    EXPECT_TRUE(reader->read(image));
    Image other;
    EXPECT_FALSE(reader->read(other)) << "one frame";
    return image;
}

class FilmReaderTest : public MediaTest {
  protected:
    std::vector<int> code_values(const std::string& file) {
        const Image image = read_picture(make_file("a.png", file));
        return {image.rgb.begin(), image.rgb.end()};
    }
};

TEST_F(FilmReaderTest, PngOfOurOwnIsExact) {
    for (const auto& [width, height] : {std::pair<int64_t, int64_t>{5, 3}, {448, 256}}) {
        const Image image = moving_picture(width, height, 2);
        write_png(folder() / "a.png", image);
        EXPECT_TRUE(read_picture(folder() / "a.png") == image);
    }
}

TEST_F(FilmReaderTest, AllKindsOfPng) {
    using CodeValues = std::vector<int>;
    // All five filters, of grey: none, left, above, mean, Paeth.
    EXPECT_EQ(code_values(png(2, 5, 8, 0, bytes({0, 10, 20, 1, 5, 5, 2, 1, 1, 3, 10, 10, 4, 1, 1}))),
              (CodeValues{10, 10, 10, 20, 20, 20, 5,  5,  5,  10, 10, 10, 6,  6,  6,
                          11, 11, 11, 13, 13, 13, 22, 22, 22, 14, 14, 14, 23, 23, 23}));
    EXPECT_EQ(code_values(png(3, 1, 1, 0, bytes({0, 0b10100000}))),
              (CodeValues{255, 255, 255, 0, 0, 0, 255, 255, 255}));
    EXPECT_EQ(code_values(png(2, 1, 4, 0, bytes({0, 0x3F}))), (CodeValues{51, 51, 51, 255, 255, 255}));
    EXPECT_EQ(code_values(png(1, 1, 16, 2, bytes({0, 0x80, 0x80, 0xFF, 0xFF, 0, 0}))), (CodeValues{128, 255, 0}));
    const std::string palette = chunk("PLTE", bytes({1, 2, 3, 40, 50, 60}));
    EXPECT_EQ(code_values(png(2, 1, 2, 3, bytes({0, 0b01000000}), palette)), (CodeValues{40, 50, 60, 1, 2, 3}));
}

// Over white.
TEST_F(FilmReaderTest, TransparencyIsFlattened) {
    using CodeValues = std::vector<int>;
    EXPECT_EQ(code_values(png(3, 1, 8, 6, bytes({0, 100, 0, 50, 0, 100, 0, 50, 255, 100, 0, 50, 51}))),
              (CodeValues{255, 255, 255, 100, 0, 50, 224, 204, 214}));
    EXPECT_EQ(code_values(png(1, 1, 8, 4, bytes({0, 0, 102}))), (CodeValues{153, 153, 153}));
    EXPECT_EQ(code_values(png(2, 1, 8, 0, bytes({0, 7, 8}), chunk("tRNS", bytes({0, 7})))),
              (CodeValues{255, 255, 255, 8, 8, 8}));
    const std::string palette = chunk("PLTE", bytes({1, 2, 3, 40, 50, 60})) + chunk("tRNS", bytes({0}));
    EXPECT_EQ(code_values(png(2, 1, 8, 3, bytes({0, 0, 1}), palette)), (CodeValues{255, 255, 255, 40, 50, 60}));
}

TEST_F(FilmReaderTest, BrokenPngIsRefused) {
    const std::string good = png(2, 1, 8, 0, bytes({0, 7, 8}));
    for (size_t length = 8; length < good.size(); ++length) {
        EXPECT_TRUE(contains(complaint([&] { code_values(good.substr(0, length)); }), "damaged PNG")) << length;
    }
    // So many pixels cannot come of so few bytes: no memory is asked for.
    EXPECT_TRUE(contains(complaint([&] { code_values(png(32768, 32768, 16, 6, bytes({0, 7, 8}))); }), "do not unpack"));
    for (size_t i = 8; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 1);
        EXPECT_TRUE(contains(complaint([&] { code_values(bad); }), "a.png")) << i;
    }
    const std::pair<std::string, std::string> wrong[] = {
        {png(2, 2, 8, 0, bytes({0, 7, 8})), "unpack"},
        {png(2, 1, 8, 0, bytes({9, 7, 8})), "filter"},
        {png(2, 1, 8, 3, bytes({0, 0, 1})), "palette"},
        {png(1, 1, 8, 3, bytes({0, 3}), chunk("PLTE", bytes({1, 2, 3}))), "palette"},
        {png(2, 1, 8, 0, bytes({0, 7, 8}), {}, 2), "header"},
        {png(2, 1, 8, 0, bytes({0, 7, 8}), {}, 1), "unpack"},  // rows of two passes
        {png(32768, 32768, 1, 0, bytes({0, 7, 8}), {}, 1), "unpack"},
        {png(100000, 1, 8, 0, bytes({0})), "100000x1"},
        {png(2, 1, 5, 0, bytes({0, 7, 8})), "header"},
    };
    for (const auto& [file, says] : wrong) {
        const std::string message = complaint([&] { code_values(file); });
        EXPECT_TRUE(contains(message, says)) << message << "; " << says;
    }
}

// Rows of a picture of one sample a pixel, of 8 bits, as PNG interlaces them: seven passes, each over part of the
// pixels.
std::string adam7_rows(int64_t width, int64_t height, int channels,
                       const std::function<int(int64_t, int64_t, int)>& at) {
    const int passes[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                              {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    std::string rows;
    for (const auto& [left, top, across, down] : passes) {
        for (int64_t y = top; y < height && left < width; y += down) {
            rows += '\0';
            for (int64_t x = left; x < width; x += across) {
                for (int c = 0; c < channels; ++c) rows += static_cast<char>(at(x, y, c));
            }
        }
    }
    return rows;
}

TEST_F(FilmReaderTest, InterlacedPngIsExact) {
    for (const auto& [width, height] :
         {std::pair<int64_t, int64_t>{1, 1}, {2, 1}, {1, 5}, {5, 3}, {8, 8}, {9, 17}, {64, 48}}) {
        const Image image = moving_picture(width, height, 1);
        const auto rgb = [&](int64_t x, int64_t y, int c) { return int{image.pixel(x, y)[c]}; };
        make_file("a.png", png(width, height, 8, 2, adam7_rows(width, height, 3, rgb), {}, 1));
        EXPECT_TRUE(read_picture(folder() / "a.png") == image) << width << "x" << height;
        // 16 bits whose lower byte repeats the upper one, and grey.
        const auto deep = [&](int64_t x, int64_t y, int c) { return int{image.pixel(x, y)[c / 2]}; };
        make_file("a.png", png(width, height, 16, 2, adam7_rows(width, height, 6, deep), {}, 1));
        EXPECT_TRUE(read_picture(folder() / "a.png") == image) << width << "x" << height;
        make_file("a.png", png(width, height, 8, 0, adam7_rows(width, height, 1, rgb), {}, 1));
        EXPECT_EQ(*read_picture(folder() / "a.png").pixel(width - 1, height - 1), *image.pixel(width - 1, height - 1));
    }
    // A palette of 1 bit; 3x2 pixels in passes 1 (one pixel), 4 (one), 6 (one of each row of pass 5 and 6), 7 (three).
    const std::string palette = chunk("PLTE", bytes({1, 2, 3, 40, 50, 60}));
    const std::string rows = bytes({0, 0x80, 0, 0x00, 0, 0x80, 0, 0b01000000});
    EXPECT_EQ(code_values(png(3, 2, 1, 3, rows, palette, 1)),
              (std::vector<int>{40, 50, 60, 40, 50, 60, 1, 2, 3, 1, 2, 3, 40, 50, 60, 1, 2, 3}));
    EXPECT_TRUE(contains(complaint([&] {
                             make_file("a.png", png(64, 48, 8, 0, std::string(4000, '\0'), {}, 1));
                             open_picture(folder() / "a.png", 9000);
                         }),
                         "may be used"));
}

TEST_F(FilmReaderTest, PngIsTurnedAsItsTagsSay) {
    const std::string rows = bytes({0, 1, 2, 3, 0, 4, 5, 6}), header = png(3, 2, 8, 0, rows);
    const std::string exif = chunk("eXIf", testing::exif(6, true)),
                      density = chunk("pHYs", number(100) + number(200) + '\1');
    const size_t end = header.size() - 12;  // of the pixels
    for (const std::string& file :
         {png(3, 2, 8, 0, rows, exif + density), png(3, 2, 8, 0, rows, density).insert(end + density.size(), exif)}) {
        const auto reader = open_picture(make_file("a.png", file));
        EXPECT_EQ(reader->width(), 2);
        EXPECT_EQ(reader->height(), 3);
        EXPECT_EQ(reader->pixel_aspect(), 0.5) << "2 as it is stored";
        Image image;
        ASSERT_TRUE(reader->read(image));
        std::vector<int> greys;
        for (size_t i = 0; i < image.rgb.size(); i += 3) greys.push_back(image.rgb[i]);
        EXPECT_EQ(greys, (std::vector{4, 1, 5, 2, 6, 3}));
    }
}

TEST_F(FilmReaderTest, NumbersInNamesCount) {
    const auto in = folder() / "in";
    std::filesystem::create_directory(in);
    const char* names[] = {"1.png",
                           "2.png",
                           "010.png",
                           "11.png",
                           "a2b9.png",
                           "a2b10.png",
                           "a10b01.png",
                           "a10b1.png",
                           "a99999999999999999999999998.png",
                           "a99999999999999999999999999.png",
                           "B1.png",
                           "b1.png",
                           "b2.PNG",
                           "B10.png",
                           "c.png"};
    uint8_t level = 0;
    for (const char* name : names) {
        Image image(4, 4);
        image.rgb[0] = level++;
        write_png(in / name, image);
    }
    for (const char* name : {".a.png", "._1.png"}) testing::write_file(in / name, "not a picture");
    const auto reader = open_frames(in);
    EXPECT_FALSE(reader->timed());
    for (uint8_t i = 0; i < level; ++i) {
        Image image;
        ASSERT_TRUE(reader->read(image));
        EXPECT_EQ(image.rgb[0], i) << names[i];
    }
}

TEST_F(FilmReaderTest, OtherFilesAreRefused) {
    for (const char* text : {"", "text", "\x89PNG"}) {
        EXPECT_TRUE(contains(complaint([&] { code_values(text); }), "a.png"));
    }
    EXPECT_TRUE(contains(complaint([&] { read_picture(folder() / "none.png"); }), "none.png: no such file"));
    EXPECT_TRUE(contains(complaint([&] { read_picture(folder()); }), "expected a picture"));
}

TEST_F(FilmReaderTest, FoldersOfPicturesAreVideos) {
    const auto in = folder() / "in";
    std::filesystem::create_directory(in);
    EXPECT_TRUE(contains(complaint([&] { open_frames(in); }), "no .png"));
    for (const int64_t i : {2, 0, 1})
        write_png(in / ("f" + std::to_string(i) + (i == 2 ? ".PNG" : ".png")), moving_picture(16, 12, i));
    testing::write_file(in / "notes.txt", "text");
    const auto reader = open_frames(in);
    EXPECT_EQ(reader->fps(), 0);
    Image image;
    for (int64_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(reader->read(image));
        EXPECT_TRUE(image == moving_picture(16, 12, i)) << i;
    }
    EXPECT_FALSE(reader->read(image));
    write_png(in / "f1.png", moving_picture(12, 12, 0));
    const auto changing = open_frames(in);
    ASSERT_TRUE(changing->read(image));
    EXPECT_TRUE(contains(complaint([&] { changing->read(image); }), "12x12"));
}

// 64 million pixels in two rows of memory.
TEST_F(FilmReaderTest, PngIsReadRowByRow) {
    if (!testing::kMemoryIsMeasurable) GTEST_SKIP() << "the sanitizer keeps memory of its own";
    constexpr int64_t kSide = 8192;
    const auto path = make_file("a.png", png(kSide, kSide, 8, 0, std::string(kSide * (kSide + 1), '\2')));
    const auto reader = open_picture(path);
    EXPECT_EQ(reader->width(), kSide);
    EXPECT_LT(reader->bytes(), int64_t{1} << 20);
    const int64_t before = testing::memory_kb("VmRSS");
    int64_t most = before, rows = 0;
    EXPECT_TRUE(reader->read([&](const uint8_t* row) {
        EXPECT_EQ(row[3 * kSide - 1], static_cast<uint8_t>(2 * (rows + 1)));
        if (++rows % 512 == 0) most = std::max(most, testing::memory_kb("VmRSS"));
    }));
    EXPECT_EQ(rows, kSide);
    EXPECT_LT(most - before, 4096);
}

TEST_F(FilmReaderTest, ReadingStopsWhenAsked) {
    write_png(folder() / "a.png", moving_picture(16, 12, 0));
    for (const bool one : {true, false}) {
        std::stop_source stop;
        const auto reader = one ? open_picture(folder() / "a.png", kNoLimit, stop.get_token())
                                : open_frames(folder(), kNoLimit, stop.get_token());
        int rows = 0;
        EXPECT_THROW(reader->read([&](const uint8_t*) {
            if (++rows == 3) stop.request_stop();
        }),
                     Stopped);
        EXPECT_EQ(rows, 3) << one;
    }
}

}  // namespace
}  // namespace t3video::media
