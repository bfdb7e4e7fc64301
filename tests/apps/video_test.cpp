// A film in H.264 from the command line, read back.
#include <gtest/gtest.h>

#include "media/video_reader.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;

TEST(CliVideo, GeneratesH264) {
    const TemporaryFolder folder;
    const Outcome outcome =
        run_program({"generate", "--prompt", "A red ball drifts left over green hills.", "--size", "64x48", "--frames",
                     "5", "--steps", "1", "--fps", "12", "--output", folder / "film.mp4"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const media::Video video = media::read_video(folder / "film.mp4");
    EXPECT_EQ(video.info.codec, "h264");
    EXPECT_EQ(video.info.width, 64);
    EXPECT_EQ(video.info.height, 48);
    EXPECT_EQ(video.frames.size(), 5u);
    EXPECT_EQ(video.info.fps, media::FrameRate(12.0));
    EXPECT_TRUE(std::filesystem::exists(folder / "film.png"));
}

}  // namespace
}  // namespace t3video
