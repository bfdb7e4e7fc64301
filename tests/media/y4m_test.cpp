// YUV4MPEG2 files: header, planes against the formulas, and what is left behind.
#include "media/y4m_writer.h"

#include <algorithm>

#include "media_fixture.h"
#include "support/images.h"

namespace t3video::media {
namespace {

namespace fs = std::filesystem;
using testing::read_y4m;
using testing::Y4m;

class Y4mTest : public MediaTest {
  protected:
    Y4m write(const std::vector<Image>& images, FrameRate fps = 8, int threads = 0) const {
        fs::remove(folder() / "a.y4m");
        Y4mWriter writer(folder() / "a.y4m", images[0].width, images[0].height, fps, threads);
        for (const Image& image : images) writer.write(image);
        EXPECT_FALSE(fs::exists(folder() / "a.y4m"));
        writer.close();
        EXPECT_EQ(writer.frames(), static_cast<int64_t>(images.size()));
        EXPECT_EQ(files_in_folder(), 1u);
        return read_y4m(folder() / "a.y4m");
    }
};

struct Ycc {
    double y, cb, cr;
};

// BT.709 in limited range.
Ycc ycc(const double (&rgb)[3]) {
    const double luma = (0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]) / 255;
    return {16 + 219 * luma, 128 + 224 * (rgb[2] / 255 - luma) / 1.8556, 128 + 224 * (rgb[0] / 255 - luma) / 1.5748};
}

// The mean colour around chroma sample (i, j): pixel column 2i and half of its neighbours, rows 2j and 2j + 1.
Ycc chroma_reference(const Image& image, int64_t i, int64_t j) {
    double mean[3] = {};
    for (int64_t dy = 0; dy < 2; ++dy) {
        for (int64_t dx = -1; dx <= 1; ++dx) {
            const int64_t x = std::clamp<int64_t>(2 * i + dx, 0, image.width - 1);
            const int64_t y = std::min(2 * j + dy, image.height - 1);
            for (int c = 0; c < 3; ++c) mean[c] += image.pixel(x, y)[c] * (dx == 0 ? 0.25 : 0.125);
        }
    }
    return ycc(mean);
}

void expect_planes(const Y4m& film, size_t frame, const Image& image) {
    constexpr double kRounding = 0.52;  // of a level: to the nearest, in fixed point
    double worst = 0;
    for (int64_t y = 0; y < image.height; ++y) {
        for (int64_t x = 0; x < image.width; ++x) {
            const uint8_t* p = image.pixel(x, y);
            worst = std::max(worst,
                             std::abs(film.sample(frame, 0, x, y) - ycc({double(p[0]), double(p[1]), double(p[2])}).y));
        }
    }
    EXPECT_LT(worst, kRounding) << "luma";
    for (int64_t j = 0; j < film.chroma_height(); ++j) {
        for (int64_t i = 0; i < film.chroma_width(); ++i) {
            const Ycc expected = chroma_reference(image, i, j);
            worst = std::max({worst, std::abs(film.sample(frame, 1, i, j) - expected.cb),
                              std::abs(film.sample(frame, 2, i, j) - expected.cr)});
        }
    }
    EXPECT_LT(worst, kRounding) << "chroma";
}

// RGB of a film's frame, chroma samples between whose columns and rows lie straight lines.
Image decode(const Y4m& film, size_t frame) {
    Image image(film.width, film.height);
    const auto chroma = [&](int plane, double x, double y) {
        x = std::clamp(x, 0.0, static_cast<double>(film.chroma_width() - 1));
        y = std::clamp(y, 0.0, static_cast<double>(film.chroma_height() - 1));
        const auto i = static_cast<int64_t>(x), j = static_cast<int64_t>(y);
        const int64_t right = std::min(i + 1, film.chroma_width() - 1),
                      below = std::min(j + 1, film.chroma_height() - 1);
        const double u = x - static_cast<double>(i), v = y - static_cast<double>(j);
        return (1 - v) * ((1 - u) * film.sample(frame, plane, i, j) + u * film.sample(frame, plane, right, j)) +
               v * ((1 - u) * film.sample(frame, plane, i, below) + u * film.sample(frame, plane, right, below));
    };
    for (int64_t y = 0; y < image.height; ++y) {
        for (int64_t x = 0; x < image.width; ++x) {
            const double cx = static_cast<double>(x) / 2, cy = (static_cast<double>(y) - 0.5) / 2;
            const double luma = (film.sample(frame, 0, x, y) - 16) / 219.0;
            const double cb = (chroma(1, cx, cy) - 128) / 224, cr = (chroma(2, cx, cy) - 128) / 224;
            const double r = luma + 1.5748 * cr, b = luma + 1.8556 * cb;
            const double g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152;
            uint8_t* pixel = image.pixel(x, y);
            for (const double value : {r, g, b}) {
                *pixel++ = static_cast<uint8_t>(std::clamp(value * 255 + 0.5, 0.0, 255.0));
            }
        }
    }
    return image;
}

TEST_F(Y4mTest, HeaderNamesSizeRateAndChroma) {
    const Y4m film = write({moving_picture(64, 48, 0), moving_picture(64, 48, 1)}, 23.976);
    EXPECT_EQ(film.header, "YUV4MPEG2 W64 H48 F24000:1001 Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED XT3VIDEO=BT709");
    EXPECT_TRUE(is_own_y4m(folder() / "a.y4m"));
    EXPECT_FALSE(is_own_y4m(make_file("b.y4m", "YUV4MPEG2 W64 H48 F24:1\nFRAME XT3VIDEO=BT709\n")));
    EXPECT_EQ(film.frames.size(), 2u);
}

TEST_F(Y4mTest, PlanesFollowTheFormulas) {
    for (const auto& [width, height] : {std::pair<int64_t, int64_t>{1, 1}, {2, 2}, {7, 5}, {64, 33}, {450, 256}}) {
        SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
        Image contrast(width, height);  // the corners of the colour cube in turn, pixel by pixel
        for (int64_t i = 0; i < width * height * 3; ++i) {
            contrast.rgb[static_cast<size_t>(i)] = (i / 3 % 8 >> i % 3 & 1) != 0 ? 255 : 0;
        }
        const std::vector<Image> images = {moving_picture(width, height, 0), moving_picture(width, height, 9),
                                           contrast};
        const Y4m film = write(images);
        ASSERT_EQ(film.frames.size(), images.size());
        for (size_t i = 0; i < images.size(); ++i) expect_planes(film, i, images[i]);
    }
}

TEST_F(Y4mTest, GreysHaveNoColour) {
    Image grey(256, 2);
    for (int64_t i = 0; i < 256 * 2 * 3; ++i) grey.rgb[static_cast<size_t>(i)] = static_cast<uint8_t>(i / 3 % 256);
    const Y4m film = write({grey});
    for (int64_t i = 0; i < 128; ++i) {
        EXPECT_EQ(film.sample(0, 1, i, 0), 128);
        EXPECT_EQ(film.sample(0, 2, i, 0), 128);
    }
    EXPECT_EQ(film.sample(0, 0, 0, 0), 16);
    EXPECT_EQ(film.sample(0, 0, 255, 1), 235);
}

TEST_F(Y4mTest, DecodesToTheFrames) {
    const Y4m film = write({moving_picture(448, 256, 0), moving_picture(448, 256, 5)});
    EXPECT_GT(psnr(decode(film, 0), moving_picture(448, 256, 0)), 40);
    EXPECT_GT(psnr(decode(film, 1), moving_picture(448, 256, 5)), 40);
}

TEST_F(Y4mTest, ThreadsDoNotChangeTheFile) {
    const std::vector<Image> images = {moving_picture(450, 301, 2)};
    const Y4m one = write(images, 8, 1);
    EXPECT_TRUE(write(images, 8, 5).frames == one.frames);
}

TEST_F(Y4mTest, WithoutCloseNothingIsLeftAndTheOldFileStays) {
    const fs::path path = make_file("a.y4m", "older film");
    {
        Y4mWriter writer(path, 64, 64, 8);
        writer.write(Image(64, 64));
        EXPECT_EQ(files_in_folder(), 2u);
    }
    EXPECT_EQ(files_in_folder(), 1u);
    EXPECT_EQ(fs::file_size(path), 10u);
}

TEST_F(Y4mTest, MisuseIsAnError) {
    EXPECT_THROW(Y4mWriter(folder() / "none" / "a.y4m", 64, 64, 8), InvalidRequest);
    EXPECT_THROW(Y4mWriter(folder() / "a.y4m", 0, 64, 8), InvalidRequest);
    EXPECT_THROW(Y4mWriter(folder() / "a.y4m", 64, 16385, 8), InvalidRequest);
    Y4mWriter writer(folder() / "a.y4m", 64, 64, 8);
    EXPECT_THROW(writer.close(), Error);  // no frame yet
    EXPECT_THROW(writer.write(Image(64, 66)), Error);
    writer.write(Image(64, 64));
    writer.close();
    writer.close();
    EXPECT_THROW(writer.write(Image(64, 64)), Error);
    EXPECT_EQ(read_y4m(folder() / "a.y4m").frames.size(), 1u);
}

}  // namespace
}  // namespace t3video::media
