// What an input decides on, and how much of it is read.
#include "film/inputs.h"

#include <gtest/gtest.h>

#include "core/memory.h"
#include "film/film.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/pictures.h"

namespace t3video::film {
namespace {

using namespace testing;
using Size = std::pair<int64_t, int64_t>;

TEST(Inputs, SizeFollowsThePicture) {
    constexpr int64_t kArea = 1280 * 704;  // TI2V-5B's
    EXPECT_EQ(size_by_shape(1280, 704, kArea, 32), (Size{1280, 704}));
    EXPECT_EQ(size_by_shape(704, 1280, kArea, 32), (Size{704, 1280}));
    // 4:3: width first gives 1088x800 (1.36), height first 1120x800 (1.4): the former is nearer. A tie: height first.
    EXPECT_EQ(size_by_shape(4000, 3000, kArea, 32), (Size{1088, 800}));
    EXPECT_EQ(size_by_shape(100, 100, kArea, 32), (Size{960, 928}));
    EXPECT_EQ(size_by_shape(100000, 1, kArea, 32).second, 32);
    // Height first starts at area / width, as in the official code: here a rounding error below 1440.
    EXPECT_EQ(size_by_shape(176, 405, kArea, 32), (Size{640, 1408}));
}

class InputsTest : public ::testing::Test {
  protected:
    InputsTest() {
        request_.inputs.video = write_pictures(folder_ / "in", 7);
        request_.inputs.strength = 0.5;
    }
    RequestedFilm open(const ReadingLimits& reader = {.memory = int64_t{1} << 30}) const {
        return open_film(request_, {}, {.cell = 16}, reader);
    }

    TemporaryFolder folder_;
    Request request_;
};

TEST_F(InputsTest, HeadersDecideWhatTheUserLeavesOpen) {
    const OpenInput opened(request_.inputs, {}, {.cell = 16}, int64_t{1} << 30, {});
    ASSERT_NE(opened.header(), nullptr);
    InputHeader header = *opened.header();
    EXPECT_EQ(header.source, Source::video);
    EXPECT_EQ((Size{header.width, header.height}), (Size{64, 64}));
    EXPECT_EQ(header.strength, 0.5);
    EXPECT_EQ(header.fps, 0) << "pictures have no rate";
    header.fps = 12.5;
    Settings found = resolve_settings({}, {.cell = 16}, {}, &header);
    EXPECT_EQ(found.source, Source::video);
    EXPECT_EQ(found.frames, 81);
    EXPECT_EQ(found.fps, 12.5);
    EXPECT_EQ(found.solver, "euler");
    EXPECT_EQ(found.strength, 0.5);
    // A square within 832x480 pixels: both whole cells.
    EXPECT_EQ((Size{found.width, found.height}), (Size{640, 624}));
    found = resolve_settings({}, {.cell = 16}, {.width = 320, .height = 192, .fps = 8}, &header);
    EXPECT_EQ((Size{found.width, found.height}), (Size{320, 192}));
    EXPECT_EQ(found.fps, 8);
    header.strength = 1;
    EXPECT_EQ(resolve_settings({}, {.cell = 16}, {.solver = "unipc"}, &header).solver, "unipc");

    EXPECT_EQ(OpenInput({}, {}, {}, 0, {}).header(), nullptr);
}

TEST_F(InputsTest, AShorterVideoDecidesOnTheLength) {
    request_.settings.width = request_.settings.height = 128;
    const auto [film, input] = open();
    EXPECT_EQ(film.settings.frames, 5);
    EXPECT_EQ(film.size.grid, (Grid{2, 8, 8}));
    ASSERT_EQ(input.frames.size(), 5U);
    EXPECT_EQ(input.frames[4].shape(), (Shape{128, 128, 3}));
    EXPECT_EQ(input.frames[4].dtype(), DType::u8);
    EXPECT_EQ(input.bytes(), 5 * 128 * 128 * 3);
    EXPECT_EQ((Size{input.width, input.height}), (Size{64, 64}));
    EXPECT_EQ(input.hash.size(), 16U);
    request_.settings.frames = 9;
    expect_invalid([&] { open(); }, {"frames 9", "has 7", "frames 5"});
    request_.settings.frames = 1;
    EXPECT_EQ(open().input.frames.size(), 1U);
    request_.inputs = {};
    const auto without = open();
    EXPECT_TRUE(without.input.frames.empty());
    EXPECT_EQ(without.input.bytes(), 0);
}

TEST_F(InputsTest, FramesMustFitIntoTheMemory) {
    request_.settings.width = request_.settings.height = 512;
    expect_invalid([&] { open({.memory = kProgramBytes + (int64_t{2} << 20)}); }, {"may be used", "memory"});
    EXPECT_EQ(open({.memory = kProgramBytes + (int64_t{16} << 20)}).input.frames.size(), 5U);
}

TEST_F(InputsTest, ReadingStops) {
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW(open({.memory = int64_t{1} << 30, .stop = stop.get_token()}), Stopped);
}

// Pixels of a PNG that are twice as wide as they are high.
TEST_F(InputsTest, ShapesAreThoseOfSquarePixels) {
    const auto file = folder_ / "wide.png";
    std::string png = media::encode_png(picture(64, 64), {});
    constexpr size_t kBehindHeader = 33;
    const std::string density("\0\0\0\x09pHYs\0\0\0\x64\0\0\0\xC8\0\x0D\x24\x36\x38", 21);
    write_file(file, png.insert(kBehindHeader, density));
    request_.inputs = {.image = file};
    const ReadingLimits limits{.memory = int64_t{1} << 30};
    const auto [film, input] = open_film(request_, {}, {.cell = 32, .wan22 = true}, limits);
    EXPECT_EQ((Size{input.width, input.height}), (Size{128, 64}));
    EXPECT_EQ((Size{film.settings.width, film.settings.height}), size_by_shape(128, 64, 1280 * 704, 32));
    // All of it fits into twice the width: nothing is cut off, columns are doubled.
    request_.settings = {.width = 256, .height = 128, .frames = 5};
    const Tensor shown = open_film(request_, {}, {.cell = 32, .wan22 = true}, limits).input.frames.at(0);
    const media::Image stored = picture(64, 64);
    for (const int64_t x : {8, 32, 55}) {
        for (int64_t c = 0; c < 3; ++c) {
            EXPECT_NEAR(shown.data<uint8_t>()[(64 * 256 + 4 * x + 1) * 3 + c], *(stored.pixel(x, 32) + c), 12);
        }
    }
    request_.settings = {.width = 64, .height = 64, .frames = 5};
    EXPECT_NE(open_film(request_, {}, {.cell = 32, .wan22 = true}, limits).input.frames.at(0).data<uint8_t>()[0],
              *stored.pixel(0, 0))
        << "the middle of it, not a copy";
}

TEST_F(InputsTest, StretchedOrCropped) {
    const auto file = folder_ / "wide.png";
    const media::Image wide = picture(128, 64);
    media::write_png(file, wide);
    request_.inputs = {.image = file};
    request_.settings = {.width = 64, .height = 64, .frames = 5};
    const auto first = [&] {
        return open_film(request_, {}, {.cell = 32, .wan22 = true}, {.memory = int64_t{1} << 30}).input.frames.at(0);
    };
    const Tensor cropped = first();
    for (int64_t y = 0; y < 64; ++y) {
        for (int64_t x = 0; x < 64 * 3; ++x)
            ASSERT_EQ(cropped.data<uint8_t>()[y * 64 * 3 + x], wide.rgb[size_t((y * 128 + 32) * 3 + x)]);
    }
    request_.inputs.fit = Fit::stretch;
    EXPECT_NE(first().data<uint8_t>()[0], cropped.data<uint8_t>()[0]);
}

}  // namespace
}  // namespace t3video::film
