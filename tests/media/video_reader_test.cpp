// What this project writes without FFmpeg, read by FFmpeg's demuxers and decoders.
#include "media/video_reader.h"

#include "media/frame_writer.h"
#include "media/png.h"
#include "media_fixture.h"

namespace t3video::media {
namespace {

class VideoReaderTest : public MediaTest {};

TEST_F(VideoReaderTest, Y4mHasItsTimeAndColours) {
    const std::filesystem::path path = folder() / "a.y4m";
    const auto writer = open_writer(path, 448, 256, 23.976);
    for (int64_t i = 0; i < 5; ++i) writer->write(moving_picture(448, 256, i));
    writer->close();
    const Video video = read_video(path);
    ASSERT_EQ(video.frames.size(), 5u);
    EXPECT_EQ(video.info.fps, FrameRate(24000, 1001));
    EXPECT_EQ(video.info.pixels, "yuv420p");
    EXPECT_EQ(video.info.tags.range, "tv");
    for (size_t i = 0; i < 5; ++i) {
        EXPECT_GT(psnr(video.frames[i], moving_picture(448, 256, static_cast<int64_t>(i))), 38) << i;
        EXPECT_NEAR(video.times[i], static_cast<double>(i) * 1001 / 24000, 1e-9);
    }
}

TEST_F(VideoReaderTest, PngIsExact) {
    for (const auto& [width, height] : {std::pair<int64_t, int64_t>{5, 3}, {448, 256}, {1000, 701}}) {
        const Image image = moving_picture(width, height, 2);
        write_png(folder() / "a.png", image);
        const Video video = read_video(folder() / "a.png");
        EXPECT_EQ(video.info.codec, "png");
        ASSERT_EQ(video.frames.size(), 1u);
        EXPECT_TRUE(video.frames[0] == image);
    }
    EXPECT_EQ(files_in_folder(), 1u);
}

}  // namespace
}  // namespace t3video::media
