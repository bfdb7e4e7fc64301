// What this project writes without FFmpeg, read by FFmpeg's demuxers and decoders.
#include "media/video_reader.h"

#include "media/film_reader.h"
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

TEST_F(VideoReaderTest, FramesOfAFilmAreInput) {
    const std::filesystem::path path = folder() / "a.y4m";
    const auto writer = open_writer(path, 64, 48, 12.5);
    for (int64_t i = 0; i < 3; ++i) writer->write(moving_picture(64, 48, i));
    writer->close();
    const auto reader = open_frames(path);
    EXPECT_EQ(reader->fps(), 12.5);
    Image image;
    int64_t frames = 0;
    for (; reader->read(image); ++frames) EXPECT_GT(psnr(image, moving_picture(64, 48, frames)), 30);
    EXPECT_EQ(frames, 3);
}

TEST_F(VideoReaderTest, JpegThatEndsEarlyIsRefused) {
    const auto path = make_file("a.jpg", "\xFF\xD8\xFF\xD9 thumbnail \xFF\xDA pixels");
    EXPECT_TRUE(contains(complaint([&] { read_picture(path); }), "a.jpg: damaged JPEG file: it ends early"));
}

}  // namespace
}  // namespace t3video::media
