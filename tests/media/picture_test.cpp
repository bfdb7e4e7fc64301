// A PNG per frame: names, what is replaced, and what is left behind.
#include "media/picture_writer.h"

#include <sys/resource.h>
#include <unistd.h>

#include <set>

#include "media_fixture.h"
#include "support/images.h"

namespace t3video::media {
namespace {

namespace fs = std::filesystem;
using testing::read_png;

class PictureTest : public MediaTest {
  protected:
    std::set<std::string> names_in(const fs::path& place) const {
        std::set<std::string> names;
        for (const auto& entry : fs::directory_iterator(place)) names.insert(entry.path().filename());
        return names;
    }
    static void write(const fs::path& output, int64_t frames, int64_t first = 0) {
        PictureWriter writer(PictureNames(output), 48, 32);
        for (int64_t i = 0; i < frames; ++i) writer.write(moving_picture(48, 32, first + i));
        writer.close();
        EXPECT_EQ(writer.frames(), frames);
    }
};

TEST_F(PictureTest, FolderIsMadeAndHoldsEveryFrame) {
    write(folder() / "frames/", 3);
    EXPECT_EQ(names_in(folder() / "frames"), (std::set<std::string>{"00000.png", "00001.png", "00002.png"}));
    for (int64_t i = 0; i < 3; ++i) {
        const fs::path path = folder() / "frames" / ("0000" + std::to_string(i) + ".png");
        EXPECT_TRUE(read_png(path) == moving_picture(48, 32, i)) << i;
    }
}

TEST_F(PictureTest, ExistingFolderNeedsNoSlashAndKeepsOtherFiles) {
    make_file("notes.txt");
    write(folder(), 1);
    EXPECT_EQ(names_in(folder()), (std::set<std::string>{"00000.png", "notes.txt"}));
}

TEST_F(PictureTest, PatternsNumberTheNames) {
    write(folder() / "shots/a-%03d.b.png", 2);
    EXPECT_EQ(names_in(folder() / "shots"), (std::set<std::string>{"a-000.b.png", "a-001.b.png"}));
    EXPECT_EQ(PictureNames("%d.png").name(12), "12.png");
    EXPECT_EQ(PictureNames("x/%2d.png").name(123), "x/123.png");
    EXPECT_TRUE(PictureNames("x/a.png").single);
    EXPECT_EQ(PictureNames("x/a.png").name(0), "x/a.png");
    EXPECT_EQ(PictureNames("x/a.png").frame_of("a.png"), 0);
    EXPECT_FALSE(PictureNames("x/a.png").frame_of("b.png"));
    for (const char* wrong : {"%.png", "%s.png", "%5x.png", "%d-%d.png", "%1234d.png", "100%.png"}) {
        const std::string message = complaint([&] { PictureNames{folder() / wrong}; });
        EXPECT_TRUE(contains(message, wrong) && contains(message, "%05d")) << message;
    }
}

// All frames wait for their names, but not as open files, of which a process may have a thousand.
TEST_F(PictureTest, WaitingFramesAreNoOpenFiles) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = dup(0);
    close(next);
    const rlimit few{static_cast<rlim_t>(next) + 8, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    EXPECT_NO_THROW(write(folder() / "frames/", 40));
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(names_in(folder() / "frames").size(), 40u);
}

TEST_F(PictureTest, NamesAppearTogether) {
    fs::create_directory(folder() / "old");
    {
        PictureWriter writer(PictureNames(folder() / "frames/"), 8, 8), over(PictureNames(folder() / "old"), 8, 8);
        writer.write(Image(8, 8));
        over.write(Image(8, 8));
        EXPECT_EQ(names_in(folder() / "frames"), std::set<std::string>{"00000.png.partial"});
    }
    EXPECT_EQ(names_in(folder()), std::set<std::string>{"old"}) << "only the folder that was there stays";
    EXPECT_TRUE(fs::is_empty(folder() / "old"));
}

// What an older film has behind the last frame is for whoever knows whose it is.
TEST_F(PictureTest, ReplacesAnOlderFilmsFrames) {
    const fs::path frames = folder() / "frames";
    write(frames / "", 5);
    std::ofstream(frames / "00009.png") << "not of that film";
    write(frames, 2, 7);
    EXPECT_EQ(names_in(frames),
              (std::set<std::string>{"00000.png", "00001.png", "00002.png", "00003.png", "00004.png", "00009.png"}));
    EXPECT_TRUE(read_png(frames / "00001.png") == moving_picture(48, 32, 8));
}

TEST_F(PictureTest, PlacesAreCheckedAndLeftAlone) {
    const auto refused = [&](const fs::path& output) {
        return complaint([&] { check_pictures(PictureNames(output)); });
    };
    EXPECT_TRUE(contains(refused(folder() / "none/frames/"), (folder() / "none").string() + " does not exist"));
    EXPECT_TRUE(contains(refused(make_file("file") / ""), "not a folder"));
    EXPECT_TRUE(contains(refused("/proc/frames/"), "cannot create"));
    EXPECT_TRUE(contains(refused("/proc/%d.png"), "cannot create"));
    fs::create_directories(folder() / "taken/00000.png");
    EXPECT_TRUE(contains(refused(folder() / "taken"), "00000.png: is a folder"));
    check_pictures(PictureNames(folder() / "frames/"));
    EXPECT_EQ(names_in(folder()), (std::set<std::string>{"file", "taken"}));
}

TEST_F(PictureTest, MisuseIsAnError) {
    const PictureNames names(folder() / "frames/");
    EXPECT_THROW(PictureWriter(names, 0, 8), InvalidRequest);
    PictureWriter writer(names, 8, 8);
    EXPECT_THROW(writer.close(), Error);  // no frame yet
    EXPECT_THROW(writer.write(Image(8, 9)), Error);
    writer.write(Image(8, 8));
    writer.close();
    writer.close();
    EXPECT_THROW(writer.write(Image(8, 8)), Error);
    EXPECT_EQ(names_in(folder() / "frames"), std::set<std::string>{"00000.png"});
}

}  // namespace
}  // namespace t3video::media
