// Places that can and cannot be written to, and what is left behind.
#include "media/output_file.h"

#include "media/png.h"
#include "media_fixture.h"

namespace t3video::media {
namespace {

namespace fs = std::filesystem;

class OutputFile : public MediaTest {};

TEST_F(OutputFile, AcceptsAFreeName) {
    for (const char* name : {"a.mp4", "a.mkv", "a.mov", "A.MP4", "with space: and colon.mp4"}) {
        EXPECT_NO_THROW(check_writable(folder() / name)) << name;
    }
    EXPECT_EQ(files_in_folder(), 0u);
}

TEST_F(OutputFile, KeepsWhatIsThere) {
    const fs::path target = make_file("a.mp4", "older video");
    const fs::path partial = make_file("a.mp4.partial", "other run");
    check_writable(target);
    EXPECT_EQ(fs::file_size(target), 11u);
    EXPECT_EQ(fs::file_size(partial), 9u);
}

TEST_F(OutputFile, MissingFolderIsNamed) {
    const std::string message = complaint([&] { check_writable(folder() / "none" / "a.mp4"); });
    EXPECT_TRUE(contains(message, "folder " + (folder() / "none").string() + " does not exist")) << message;
    EXPECT_FALSE(fs::exists(folder() / "none"));
}

TEST_F(OutputFile, FileInPlaceOfTheFolder) {
    const fs::path file = make_file("file");
    const std::string message = complaint([&] { check_writable(file / "a.mp4"); });
    EXPECT_TRUE(contains(message, "not a folder") || contains(message, "does not exist")) << message;
}

TEST_F(OutputFile, FolderAsTarget) {
    fs::create_directory(folder() / "clips.mp4");
    for (const fs::path& path : {folder() / "clips.mp4", folder(), folder() / "clips.mp4/"}) {
        const std::string message = complaint([&] { check_writable(path); });
        EXPECT_TRUE(contains(message, "is a folder")) << message;
    }
}

TEST_F(OutputFile, FolderThatCannotBeWritten) {
    // /proc takes no new files, not even from root.
    const std::string message = complaint([] { check_writable("/proc/a.mp4"); });
    EXPECT_TRUE(contains(message, "cannot create /proc/a.mp4.partial")) << message;
    if (geteuid() == 0) return;  // root may write everywhere
    fs::permissions(folder(), fs::perms::owner_read | fs::perms::owner_exec);
    EXPECT_THROW(check_writable(folder() / "a.mp4"), InvalidRequest);
    fs::permissions(folder(), fs::perms::owner_all);
}

TEST_F(OutputFile, DeviceAsTarget) {
    EXPECT_THROW(check_writable("/dev/null"), InvalidRequest);
}

TEST_F(OutputFile, AppearsWithCommitOnly) {
    const fs::path target = folder() / "a.txt";
    {
        PartialFile file(target);
        std::ofstream(file.path()) << "half";
        EXPECT_EQ(file.path(), partial_path(target));
        EXPECT_FALSE(fs::exists(target));
    }
    EXPECT_EQ(files_in_folder(), 0u);
    {
        PartialFile file(target);
        std::ofstream(file.path()) << "whole";
        file.commit();
    }
    EXPECT_EQ(fs::file_size(target), 5u);
    EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(OutputFile, PngChecksItsPlace) {
    EXPECT_THROW(write_png(folder() / "none" / "a.png", Image(4, 4)), InvalidRequest);
    EXPECT_THROW(write_png(folder(), Image(4, 4)), InvalidRequest);
    EXPECT_EQ(files_in_folder(), 0u);
}

}  // namespace
}  // namespace t3video::media
