// PNG files, read back by a decoder of their own.
#include "media/png.h"

#include <algorithm>
#include <random>

#include "media_fixture.h"
#include "support/files.h"
#include "support/images.h"

namespace t3video::media {
namespace {

using testing::decode_png;

Image noise(int64_t width, int64_t height) {
    std::mt19937 engine(5);
    Image image(width, height);
    for (uint8_t& code : image.rgb) code = static_cast<uint8_t>(engine());
    return image;
}

TEST(Png, ReadsBackExactly) {
    // One pixel, odd sizes, a row and a column, and several bands with a short one at the end.
    const std::pair<int64_t, int64_t> sizes[] = {{1, 1}, {5, 3}, {33, 7}, {1, 40}, {400, 1}, {448, 256}, {1000, 701}};
    for (const auto& [width, height] : sizes) {
        SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
        EXPECT_TRUE(decode_png(encode_png(Image(width, height))) == Image(width, height));
        EXPECT_TRUE(decode_png(encode_png(moving_picture(width, height, 3))) == moving_picture(width, height, 3));
        EXPECT_TRUE(decode_png(encode_png(noise(width, height))) == noise(width, height));
    }
}

TEST(Png, BytesDoNotDependOnThreads) {
    const Image image = moving_picture(1000, 701, 0);
    const std::string one = encode_png(image, {.threads = 1});
    for (const int threads : {0, 2, 7}) EXPECT_TRUE(encode_png(image, {.threads = threads}) == one) << threads;
}

TEST(Png, CompressesSmoothPictures) {
    Image ramp(640, 480);
    for (int64_t y = 0; y < 480; ++y) {
        for (int64_t x = 0; x < 640; ++x) std::fill_n(ramp.pixel(x, y), 3, static_cast<uint8_t>((x + 2 * y) / 7));
    }
    const size_t fast = encode_png(ramp, {.compression_level = 1}).size(),
                 small = encode_png(ramp, {.compression_level = 9}).size();
    EXPECT_LT(fast, ramp.rgb.size() / 20);
    EXPECT_LT(small, fast);
    EXPECT_TRUE(decode_png(encode_png(ramp, {.compression_level = 9})) == ramp);
}

TEST(Png, ChecksItsPlace) {
    const testing::TemporaryFolder folder;
    EXPECT_THROW(write_png(folder / "none/a.png", Image(4, 4)), InvalidRequest);
    EXPECT_THROW(write_png(folder.path(), Image(4, 4)), InvalidRequest);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Png, MisuseIsAnError) {
    Image torn(8, 8);
    torn.rgb.pop_back();
    EXPECT_THROW(encode_png(torn), Error);
    EXPECT_THROW(encode_png(Image()), Error);
    EXPECT_THROW(encode_png(Image(8, 8), {.compression_level = 10}), Error);
}

}  // namespace
}  // namespace t3video::media
