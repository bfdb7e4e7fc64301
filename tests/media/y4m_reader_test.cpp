#include "media/input/y4m_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "media/y4m_writer.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/pictures.h"

namespace t3video::media {
namespace {

using t3video::testing::expect_invalid;
using t3video::testing::picture;
using t3video::testing::read_file;
using t3video::testing::TemporaryFolder;
using t3video::testing::write_file;

// The largest difference of a code value.
int difference(const Image& a, const Image& b) {
    int most = 0;
    for (size_t i = 0; i < a.rgb.size(); ++i) most = std::max(most, std::abs(int(a.rgb[i]) - int(b.rgb[i])));
    return most;
}

// Smooth enough that halved chroma costs little.
Image waves(int64_t width, int64_t height, int64_t shift) {
    Image image(width, height);
    for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
            uint8_t* pixel = image.pixel(x, y);
            pixel[0] = static_cast<uint8_t>(60 + x + shift);
            pixel[1] = static_cast<uint8_t>(200 - y - x / 2);
            pixel[2] = static_cast<uint8_t>(30 + y * 2 + shift);
        }
    }
    return image;
}

TEST(Y4mReader, ReadsWhatTheWriterWrote) {
    const TemporaryFolder folder;
    for (const auto& [width, height] : {std::pair(48, 32), std::pair(47, 31), std::pair(1, 1)}) {
        const auto path = folder / "film.y4m";
        Y4mWriter writer(path, width, height, {24000, 1001}, 1, {});
        for (int64_t i = 0; i < 3; ++i) writer.write(waves(width, height, i));
        writer.close();
        const auto reader = open_y4m(path);
        EXPECT_EQ(reader->width(), width);
        EXPECT_EQ(reader->height(), height);
        EXPECT_NEAR(reader->fps(), 23.976, 1e-3);
        Image image;
        for (int64_t i = 0; i < 3; ++i) {
            ASSERT_TRUE(reader->read(image));
            EXPECT_LE(difference(image, waves(width, height, i)), 3) << width << 'x' << height << ", frame " << i;
        }
        EXPECT_FALSE(reader->read(image));
    }
}

// One pixel by hand: BT.601 of limited range, Y 81, Cb 90, Cr 240 is pure red; of full range Y 76, Cb 85, Cr 255.
TEST(Y4mReader, KnowsSamplingMatrixAndRange) {
    const TemporaryFolder folder;
    const auto first_pixel = [&](const std::string& header, const std::string& planes) {
        const auto reader = open_y4m(write_file(folder / "x.y4m", "YUV4MPEG2 " + header + "\nFRAME\n" + planes));
        Image image;
        EXPECT_TRUE(reader->read(image));
        return std::array<int, 3>{image.rgb[0], image.rgb[1], image.rgb[2]};
    };
    const std::array<int, 3> red{254, 0, 0};
    EXPECT_EQ(first_pixel("W1 H1 C444", "\x51\x5a\xf0"), red);
    EXPECT_EQ(first_pixel("W2 H1 C422", "\x51\x51\x5a\xf0"), red);
    EXPECT_EQ(first_pixel("W2 H2", "\x51\x51\x51\x51\x5a\xf0"), red);
    EXPECT_EQ(first_pixel("W1 H1 C444 XCOLORRANGE=FULL", "\x4c\x55\xff"), (std::array<int, 3>{254, 0, 0}));
    EXPECT_EQ(first_pixel("W1 H1 Cmono", "\x7e"), (std::array<int, 3>{128, 128, 128}));
    EXPECT_DOUBLE_EQ(open_y4m(write_file(folder / "a.y4m", "YUV4MPEG2 W1 H1 A10:11 F25:1\n"))->pixel_aspect(),
                     10.0 / 11);
}

TEST(Y4mReader, SaysWhatIsWrong) {
    const TemporaryFolder folder;
    const auto read = [&](const std::string& bytes) {
        const auto reader = open_y4m(write_file(folder / "x.y4m", bytes));
        Image image;
        while (reader->read(image)) {
        }
    };
    expect_invalid([&] { read("RIFF"); }, {"x.y4m", "no YUV4MPEG2 file"});
    expect_invalid([&] { read("YUV4MPEG2 W4\n"); }, {"x.y4m", "damaged YUV4MPEG2 header"});
    expect_invalid([&] { read("YUV4MPEG2 W-4 H4\n"); }, {"damaged YUV4MPEG2 header"});
    expect_invalid([&] { read("YUV4MPEG2 W99999 H4\n"); }, {"99999x4 pixels; expected sides of 1 to 32768"});
    expect_invalid([&] { read("YUV4MPEG2 W4 H4 C420p10\n"); }, {"C420p10", "8 bits"});
    expect_invalid([&] { read("YUV4MPEG2 W2 H2 C444\nFRAME\n123"); }, {"x.y4m", "cut in the middle of frame 0"});
    expect_invalid([&] { read("YUV4MPEG2 W1 H1 C444\nFRAME\n123FRAM"); }, {"x.y4m", "damaged at frame 1"});
    expect_invalid([&] { open_y4m(write_file(folder / "x.y4m", "YUV4MPEG2 W999 H999 C444\n"), 1000); }, {"x.y4m"});
    EXPECT_NO_THROW(read("YUV4MPEG2 W1 H1 C444\nFRAME Ip\n123"));
}

}  // namespace
}  // namespace t3video::media
