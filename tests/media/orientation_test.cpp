// Eight ways to hold a camera.
#include "media/input/orientation.h"

#include "media_fixture.h"

namespace t3video::media {
namespace {

// What lies in each corner is told by its red, that is 1 to 4 as one reads.
class Corners : public FrameReader {
  public:
    Corners() {
        width_ = 3;
        height_ = 2;
        pixel_aspect_ = 2;
    }
    int64_t bytes() const override { return 0; }

  private:
    bool next(const RowSink& sink) override {
        const uint8_t top[9] = {1, 0, 0, 0, 0, 0, 2, 0, 0}, bottom[9] = {3, 0, 0, 0, 0, 0, 4, 0, 0};
        sink(top);
        sink(bottom);
        return true;
    }
};

std::string corners_of(const Orientation& orientation) {
    const auto reader = turned(std::make_unique<Corners>(), orientation, kNoLimit, "a");
    const bool tall = orientation.transposed;
    EXPECT_EQ(reader->width(), tall ? 2 : 3);
    EXPECT_EQ(reader->height(), tall ? 3 : 2);
    EXPECT_EQ(reader->pixel_aspect(), tall ? 0.5 : 2);
    Image image;
    EXPECT_TRUE(reader->read(image));
    std::string corners;
    for (const int64_t y : {int64_t{0}, image.height - 1}) {
        for (const int64_t x : {int64_t{0}, image.width - 1}) corners += static_cast<char>('0' + *image.pixel(x, y));
    }
    return corners;
}

// By the words of the EXIF standard: where the stored first row and first column are to be seen.
TEST(Orientation, ExifValues) {
    const std::pair<int, const char*> expected[] = {{0, "1234"}, {1, "1234"}, {2, "2143"}, {3, "4321"}, {4, "3412"},
                                                    {5, "1324"}, {6, "3142"}, {7, "4231"}, {8, "2413"}, {9, "1234"}};
    for (const auto& [value, corners] : expected) EXPECT_EQ(corners_of(orientation_of_exif(value)), corners) << value;
}

TEST(Orientation, DisplayMatrices) {
    EXPECT_EQ(orientation_of_matrix(1, 0, 0, 1), orientation_of_exif(1));
    EXPECT_EQ(orientation_of_matrix(-1, 0, 0, 1), orientation_of_exif(2));
    EXPECT_EQ(orientation_of_matrix(-1, 0, 0, -1), orientation_of_exif(3));
    EXPECT_EQ(orientation_of_matrix(1, 0, 0, -1), orientation_of_exif(4));
    EXPECT_EQ(orientation_of_matrix(0, 1, -1, 0), orientation_of_exif(6));  // by the clock, as MP4 files of phones
    EXPECT_EQ(orientation_of_matrix(0, -1, 1, 0), orientation_of_exif(8));
    EXPECT_EQ(orientation_of_matrix(0.1, 0.9, -0.9, 0.1), orientation_of_exif(6));
    for (const double turn : {0, 90, 180, 270, 2, 88}) {
        const double c = std::cos(turn * M_PI / 180), s = std::sin(turn * M_PI / 180);
        EXPECT_TRUE(is_quarter_turn(c, s, -s, c)) << turn;
        EXPECT_TRUE(is_quarter_turn(-2 * c, 2 * s, s, c)) << "mirrored and of another shape";
    }
    for (const double turn : {45, 30, 70, 225}) {
        const double c = std::cos(turn * M_PI / 180), s = std::sin(turn * M_PI / 180);
        EXPECT_FALSE(is_quarter_turn(c, s, -s, c)) << turn;
    }
    EXPECT_FALSE(is_quarter_turn(0, 0, 0, 0));
    EXPECT_FALSE(is_quarter_turn(1, 0, 0, 0));
}

TEST(Orientation, OneAfterTheOther) {
    for (int first = 1; first <= 8; ++first) {
        for (int second = 1; second <= 8; ++second) {
            const std::string once = corners_of(orientation_of_exif(first));
            std::string twice;
            for (const char corner : corners_of(orientation_of_exif(second))) twice += once[size_t(corner - '1')];
            EXPECT_EQ(corners_of(combined(orientation_of_exif(first), orientation_of_exif(second))), twice)
                << first << ", " << second;
        }
    }
}

TEST(Orientation, WholeFramesTakeMemory) {
    EXPECT_TRUE(contains(complaint([] { turned(std::make_unique<Corners>(), {true}, 10, "a.jpg"); }), "a.jpg: 2x3"));
    EXPECT_EQ(turned(std::make_unique<Corners>(), {}, 0, "a.jpg")->bytes(), 0);
}

}  // namespace
}  // namespace t3video::media
