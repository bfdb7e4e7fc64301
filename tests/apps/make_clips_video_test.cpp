// Drawn clips as H.264.
#include <gtest/gtest.h>

#include "media/clips/clip.h"
#include "media/input/video_reader.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;

TEST(MakeClipsVideo, ShowsTheClipAndSaysWhatItIs) {
    const TemporaryFolder folder;
    const std::vector<std::string> command{"make-clips", "--count", "3",        "--size",        "96x64",
                                           "--frames",   "9",       "--output", folder / "clips"};
    const Outcome made = run_program(command);
    ASSERT_EQ(made.exit_code, 0) << made.err;
    media::clips::Series series(0, media::clips::Split::training);
    const media::clips::Clip clip(series.at(2), 96, 64, 9);
    const media::Video video = media::read_video(folder / "clips/00002.mp4");
    ASSERT_EQ(video.frames.size(), 9u);
    EXPECT_EQ(video.info.fps, media::FrameRate(8.0));
    for (size_t i = 0; i < 9; ++i) {  // halving the resolution of colours blurs the object's rim
        const media::Image drawn = image_of(clip.frame(int64_t(i)));
        double sum = 0;
        for (size_t k = 0; k < drawn.rgb.size(); ++k) sum += std::abs(drawn.rgb[k] - video.frames[i].rgb[k]);
        EXPECT_LT(sum / double(drawn.rgb.size()), 3) << "frame " << i;
    }
    const Outcome inspected = run_program({"inspect", folder / "clips/00002.mp4"});
    EXPECT_NE(inspected.out.find("make-clips, clip 2: " + caption(series.at(2).subject)), std::string::npos)
        << inspected.out;
}

TEST(MakeClipsVideo, BytesDoNotDependOnThreadsAndOthersFilesStay) {
    const TemporaryFolder folder;
    const auto run = [&](const std::string& output, const std::string& threads) {
        return run_program({"make-clips", "--count", "4", "--size", "64x48", "--frames", "5", "--threads", threads,
                            "--output", folder / output});
    };
    ASSERT_EQ(run("one", "1").exit_code, 0);
    ASSERT_EQ(run("many", "4").exit_code, 0);
    for (const char* name : {"00000.mp4", "00003.mp4", "clips.json"})
        EXPECT_EQ(read_file(folder / "one" / name), read_file(folder / "many" / name)) << name;
    // A film of the same name, and another clip.
    for (const std::string& content : {std::string("not a film"), read_file(folder / "one/00001.mp4")}) {
        write_file(folder / "one/00002.mp4", content);
        const Outcome refused = run("one", "1");
        EXPECT_EQ(refused.exit_code, 2);
        EXPECT_NE(refused.err.find("00002.mp4: is there already"), std::string::npos) << refused.err;
        EXPECT_EQ(read_file(folder / "one/00002.mp4"), content);
    }
}

}  // namespace
}  // namespace t3video
