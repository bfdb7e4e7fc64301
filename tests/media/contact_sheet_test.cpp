// Area averaging, the layout of the sheet, and PNG files.
#include "media/contact_sheet.h"

#include <algorithm>

#include "media/png.h"
#include "media_fixture.h"
#include "support/images.h"

namespace t3video::media {
namespace {

class ContactSheetTest : public MediaTest {};

Image flat(int64_t width, int64_t height, uint8_t level) {
    Image image(width, height);
    std::fill(image.rgb.begin(), image.rgb.end(), level);
    return image;
}

TEST_F(ContactSheetTest, ShrinkAveragesWholeBlocks) {
    Image image(4, 2);
    for (size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<uint8_t>(7 * i);
    const Image half = shrink(image, 2, 1);
    for (int64_t x = 0; x < 2; ++x) {
        for (int64_t c = 0; c < 3; ++c) {
            const int sum = image.pixel(2 * x, 0)[c] + image.pixel(2 * x + 1, 0)[c] + image.pixel(2 * x, 1)[c] +
                            image.pixel(2 * x + 1, 1)[c];
            EXPECT_EQ(half.pixel(x, 0)[c], (sum + 2) / 4);
        }
    }
}

TEST_F(ContactSheetTest, ShrinkSplitsPixelsBetweenNeighbours) {
    Image image(3, 1);
    for (int64_t x = 0; x < 3; ++x) std::fill_n(image.pixel(x, 0), 3, static_cast<uint8_t>(90 * x));
    const Image two = shrink(image, 2, 1);  // each covers 1.5 pixels: (0 + 90/2) / 1.5 and (90/2 + 180) / 1.5
    EXPECT_EQ(two.pixel(0, 0)[0], 30);
    EXPECT_EQ(two.pixel(1, 0)[0], 150);
}

TEST_F(ContactSheetTest, ShrinkKeepsFlatColoursAndSameSizes) {
    EXPECT_EQ(shrink(flat(101, 77, 255), 32, 13), flat(32, 13, 255));
    EXPECT_EQ(shrink(flat(101, 77, 1), 32, 13), flat(32, 13, 1));
    const Image picture = moving_picture(33, 17, 0);
    EXPECT_EQ(shrink(picture, 33, 17), picture);
    EXPECT_THROW(shrink(picture, 34, 17), Error);
}

TEST_F(ContactSheetTest, ShowsFirstLastAndEvenSteps) {
    for (const int64_t frames : {13, 17, 81, 121, 1000}) {
        const std::vector<int64_t> shown = ContactSheet(frames).shown();
        ASSERT_EQ(shown.size(), 12u);
        EXPECT_EQ(shown.front(), 0);
        EXPECT_EQ(shown.back(), frames - 1);
        for (size_t i = 1; i < shown.size(); ++i) {
            EXPECT_LE(std::abs(static_cast<double>(shown[i] - shown[i - 1]) - static_cast<double>(frames - 1) / 11), 1);
        }
    }
    EXPECT_EQ(ContactSheet(1).shown(), std::vector<int64_t>({0}));
    EXPECT_EQ(ContactSheet(5).shown(), std::vector<int64_t>({0, 1, 2, 3, 4}));
    EXPECT_THROW(ContactSheet(0), Error);
}

TEST_F(ContactSheetTest, GridFollowsTheFrames) {
    const auto grid = [](int64_t frames, int64_t width, int64_t height) {
        ContactSheet sheet(frames);
        sheet.add(0, Image(width, height));
        return std::pair(sheet.columns(), sheet.rows());
    };
    EXPECT_EQ(grid(81, 832, 480), std::pair(int64_t{4}, int64_t{3}));
    EXPECT_EQ(grid(81, 480, 832), std::pair(int64_t{6}, int64_t{2}));
    EXPECT_EQ(grid(5, 832, 480), std::pair(int64_t{3}, int64_t{2}));
    EXPECT_EQ(grid(1, 832, 480), std::pair(int64_t{1}, int64_t{1}));
}

TEST_F(ContactSheetTest, PlacesThumbnailsWithGaps) {
    ContactSheet sheet(81);
    EXPECT_THROW(sheet.image(), Error);
    for (int64_t i = 0; i < 81; ++i) sheet.add(i, flat(640, 361, static_cast<uint8_t>(100 + i)));
    const Image& image = sheet.image();
    const int64_t width = 320, height = 181, gap = ContactSheet::kGap;  // 361 * 320 / 640 = 180.5, rounded up
    ASSERT_EQ(image.width, gap + 4 * (width + gap));
    ASSERT_EQ(image.height, gap + 3 * (height + gap));
    for (int64_t tile = 0; tile < 12; ++tile) {
        const int64_t left = gap + tile % 4 * (width + gap), top = gap + tile / 4 * (height + gap);
        const int level = 100 + static_cast<int>(sheet.shown()[static_cast<size_t>(tile)]);
        EXPECT_EQ(image.pixel(left, top)[0], level);
        EXPECT_EQ(image.pixel(left + width - 1, top + height - 1)[2], level);
        EXPECT_LT(image.pixel(left - 1, top)[0], 40);
        EXPECT_LT(image.pixel(left, top - 1)[0], 40);
        EXPECT_LT(image.pixel(left + width, top + height - 1)[0], 40);
        EXPECT_LT(image.pixel(left, top + height)[0], 40);
    }
}

TEST_F(ContactSheetTest, SmallFramesKeepTheirSizeAndMissingOnesStayDark) {
    ContactSheet sheet(3);
    sheet.add(2, flat(10, 20, 200));
    const int64_t gap = ContactSheet::kGap;
    EXPECT_EQ(sheet.image().width, gap + 3 * (10 + gap));
    EXPECT_LT(sheet.image().pixel(gap, gap)[0], 40);
    EXPECT_EQ(sheet.image().pixel(gap + 2 * (10 + gap), gap)[0], 200);
    EXPECT_THROW(sheet.add(1, flat(12, 20, 200)), Error);
    EXPECT_THROW(sheet.add(3, flat(10, 20, 200)), Error);
}

TEST_F(ContactSheetTest, PngReadsBackExactly) {
    ContactSheet sheet(17);
    for (int64_t i = 0; i < 17; ++i) sheet.add(i, moving_picture(448, 256, i));
    const std::filesystem::path path = folder() / "sheet.png";
    write_png(path, sheet.image());
    EXPECT_EQ(files_in_folder(), 1u);
    EXPECT_TRUE(testing::read_png(path) == sheet.image());
}

TEST_F(ContactSheetTest, PngTakesOddSizesAndReplaces) {
    const std::filesystem::path path = folder() / "odd.png";
    write_png(path, Image(5, 3));
    const Image odd = moving_picture(33, 7, 2);
    write_png(path, odd);
    EXPECT_TRUE(testing::read_png(path) == odd);
}

}  // namespace
}  // namespace t3video::media
