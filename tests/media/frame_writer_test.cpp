// Outputs by name: kinds, places, and what lies beside them.
#include "media/frame_writer.h"

#include "media_fixture.h"
#include "support/images.h"

namespace t3video::media {
namespace {

namespace fs = std::filesystem;

class FrameWriterTest : public MediaTest {};

TEST_F(FrameWriterTest, KindFollowsTheName) {
    for (const char* name : {"a.mp4", "a.mkv", "a.mov", "A.MP4"}) EXPECT_EQ(output_kind(name), OutputKind::video);
    EXPECT_EQ(output_kind("a.y4m"), OutputKind::y4m);
    EXPECT_EQ(output_kind("A.Y4M"), OutputKind::y4m);
    EXPECT_EQ(output_kind("frames/"), OutputKind::pictures);
    EXPECT_EQ(output_kind("frames/%05d.png"), OutputKind::pictures);
    fs::create_directory(folder() / "clips");
    EXPECT_EQ(output_kind(folder() / "clips"), OutputKind::pictures) << "folders that exist";
    // A folder with the name of a film is a mistake, unless a slash says that it is meant.
    fs::create_directory(folder() / "clips.y4m");
    EXPECT_EQ(output_kind(folder() / "clips.y4m/"), OutputKind::pictures);
    EXPECT_TRUE(contains(complaint([&] { check_output(folder() / "clips.y4m"); }), "is a folder"));
}

TEST_F(FrameWriterTest, UnknownNamesAreToldTheKnownOnes) {
    for (const char* name : {"a.avi", "a", "mp4", "frames"}) {
        const std::string message = complaint([&] { check_output(folder() / name); });
        EXPECT_TRUE(contains(message, ".mp4, .mkv or .mov")) << message;
        EXPECT_TRUE(contains(message, ".y4m") && contains(message, "ends in /")) << message;
        EXPECT_TRUE(contains(message, (folder() / name).string())) << message;
    }
    EXPECT_TRUE(contains(complaint([] { check_output(""); }), "film.mp4"));
}

TEST_F(FrameWriterTest, ChecksLeaveNothing) {
    for (const char* name : {"a.y4m", "with space: and colon.y4m", "frames/", "frames/%d.png"}) {
        EXPECT_NO_THROW(check_output(folder() / name)) << name;
    }
    EXPECT_EQ(files_in_folder(), 0u);
    EXPECT_TRUE(contains(complaint([&] { check_output(folder() / "none" / "a.y4m"); }), "does not exist"));
    EXPECT_TRUE(contains(complaint([] { check_output("/proc/a.y4m"); }), "cannot create /proc/a.y4m.partial"));
}

TEST_F(FrameWriterTest, WritesEveryKind) {
    for (const char* name : {"a.y4m", "frames/", "shot-%02d.png"}) {
        const auto writer = open_writer(folder() / name, 16, 8, 8);
        for (int64_t i = 0; i < 3; ++i) writer->write(moving_picture(16, 8, i));
        EXPECT_EQ(writer->frames(), 3);
        EXPECT_FALSE(output_exists(folder() / name)) << name;
        writer->close();
        EXPECT_TRUE(output_exists(folder() / name)) << name;
    }
    EXPECT_EQ(testing::read_y4m(folder() / "a.y4m").frames.size(), 3u);
    EXPECT_TRUE(testing::read_png(folder() / "frames/00002.png") == moving_picture(16, 8, 2));
    EXPECT_TRUE(testing::read_png(folder() / "shot-01.png") == moving_picture(16, 8, 1));
    EXPECT_TRUE(contains(complaint([&] { open_writer(folder() / "b.y4m", 16, 8, 8, {.threads = -1}); }), "threads -1"));
}

TEST_F(FrameWriterTest, CompanionsLieBesideTheOutput) {
    EXPECT_EQ(beside_output("films/ball.take.mp4", ".job"), "films/ball.take.job");
    EXPECT_EQ(beside_output("ball.y4m", ".png"), "ball.png");
    EXPECT_EQ(beside_output("films/ball.png", ".job"), "films/ball.job");
    EXPECT_EQ(beside_output("films/frames.v2/", ".job"), "films/frames.v2.job");
    EXPECT_EQ(beside_output("films/frames/%05d.png", ".png"), "films/frames.png");
    EXPECT_EQ(beside_output("films/frames/a-%05d.png", ".png"), "films/frames.png");
    EXPECT_EQ(beside_output("shot-%03d.png", ".png"), "shot.png");
    EXPECT_EQ(beside_output("./%03d.png", ".job"), "frames.job");
    EXPECT_EQ(beside_output(folder(), ".png"), folder().string() + ".png");
    const fs::path here = fs::current_path();
    EXPECT_EQ(beside_output(".", ".png"), here.string() + ".png");
    EXPECT_EQ(beside_output("./", ".job"), here.string() + ".job");
}

}  // namespace
}  // namespace t3video::media
