// Places that can and cannot be written to, and what is left behind.
#include "core/output_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "support/errors.h"
#include "support/files.h"

namespace t3video {
namespace {

namespace fs = std::filesystem;
using testing::expect_invalid;

class OutputFile : public ::testing::Test {
  protected:
    const fs::path& folder() const { return folder_.path(); }
    fs::path make_file(const std::string& name, const std::string& text = "text") const {
        std::ofstream(folder() / name) << text;
        return folder() / name;
    }
    size_t files_in_folder() const {
        const fs::directory_iterator files(folder());
        return static_cast<size_t>(std::distance(begin(files), end(files)));
    }

  private:
    testing::TemporaryFolder folder_;
};

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

// Two writers of one name would make one mixed file of it.
TEST_F(OutputFile, OneWriterAtATime) {
    const fs::path target = folder() / "a.mp4";
    {
        PartialFile first(target);
        std::ofstream(first.path()) << "first";
        expect_invalid([&] { PartialFile second(target); }, {"another process is writing", "a.mp4.partial"});
        EXPECT_THROW(PartialFile{target}, InUse);
        const PartialFile other(target, "0123456789abcdef");  // of another film: not the same file
        remove_partial(target);                               // only what nobody writes
        EXPECT_TRUE(fs::exists(first.path()));
        first.commit();
        EXPECT_EQ(testing::read_file(target), "first");
        PartialFile third(target);  // the name is free again
        std::ofstream(third.path()) << "third";
        EXPECT_EQ(testing::read_file(target), "first");
    }
    EXPECT_EQ(files_in_folder(), 1u);
    const fs::path left = make_file("a.mp4.partial", "by a killed run");
    remove_partial(target);
    EXPECT_FALSE(fs::exists(left));
}

TEST_F(OutputFile, LongNamesAreToBeShorter) {
    expect_invalid([&] { check_writable(folder() / (std::string(250, 'a') + ".mp4")); }, {"choose a shorter name"});
}

TEST_F(OutputFile, MissingFolderIsNamed) {
    expect_invalid([&] { check_writable(folder() / "none" / "a.mp4"); },
                   {"folder " + (folder() / "none").string() + " does not exist"});
    EXPECT_FALSE(fs::exists(folder() / "none"));
}

TEST_F(OutputFile, FileInPlaceOfTheFolder) {
    const fs::path file = make_file("file");
    expect_invalid([&] { check_writable(file / "a.mp4"); }, {file.string()});
}

TEST_F(OutputFile, FolderAsTarget) {
    fs::create_directory(folder() / "clips.mp4");
    for (const fs::path& path : {folder() / "clips.mp4", folder(), folder() / "clips.mp4/"})
        expect_invalid([&] { check_writable(path); }, {"is a folder"});
}

TEST_F(OutputFile, FolderThatCannotBeWritten) {
    // /proc takes no new files, not even from root.
    expect_invalid([] { check_writable("/proc/a.mp4"); }, {"cannot create /proc/a.mp4.partial"});
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

TEST_F(OutputFile, RemovesWhatAKilledRunLeft) {
    const fs::path target = make_file("a.txt");
    make_file("a.txt.partial");
    remove_partial(target);
    EXPECT_FALSE(fs::exists(partial_path(target)));
    EXPECT_TRUE(fs::exists(target));
    remove_partial(target);  // nothing there
    fs::create_symlink("/dev/full", partial_path(target));
    remove_partial(target);
    EXPECT_TRUE(fs::is_symlink(partial_path(target))) << "somebody else's";
}

TEST_F(OutputFile, AFullDiskIsNoWrongRequest) {
    const fs::path target = folder() / "a.txt";
    for (const int reason : {ENOSPC, EDQUOT, EFBIG}) {
        errno = reason;
        try {
            require_written(false, target);
            ADD_FAILURE() << "written";
        } catch (const WriteError& error) {
            const std::string says = error.what();
            EXPECT_NE(says.find(target.string() + ": cannot be written: " + std::strerror(reason)), std::string::npos)
                << says;
            EXPECT_NE(says.find("; "), std::string::npos) << says;
        }
    }
}

// A link or a second name leads to a file of somebody's, and a pipe is not waited on.
TEST_F(OutputFile, WhatIsNoFileOfOursStaysInTheWay) {
    const fs::path target = folder() / "a.txt", real = make_file("real", "somebody's");
    const auto in_the_way = [&] {
        expect_invalid([&] { PartialFile file(target); }, {partial_path(target).string(), "is in the way"});
        remove_partial(target);
        EXPECT_TRUE(fs::exists(fs::symlink_status(partial_path(target))));
        EXPECT_EQ(testing::read_file(real), "somebody's");
        fs::remove(partial_path(target));
    };
    fs::create_symlink(real, partial_path(target));
    in_the_way();
    fs::create_hard_link(real, partial_path(target));
    in_the_way();
    ASSERT_EQ(mkfifo(partial_path(target).c_str(), 0600), 0);
    in_the_way();
}

TEST_F(OutputFile, RemovesThoseOfAnOwner) {
    const std::string owner = "0123456789abcdef";
    for (const std::string& name : {"a.png." + owner + ".partial", "b.png." + owner + ".partial"}) make_file(name);
    for (const char* name : {"a.png", "a.png.partial", "a.png.0123456789abcdee.partial"}) make_file(name);
    remove_partials(folder(), owner);
    EXPECT_EQ(files_in_folder(), 3u);
}

TEST_F(OutputFile, KnowsTheSameFile) {
    const fs::path file = make_file("a"), other = make_file("b");
    fs::create_symlink(file, folder() / "link");
    fs::create_hard_link(file, folder() / "hard");
    for (const char* name : {"a", "link", "hard", "../"}) {
        const bool same = std::string(name) != "../";
        EXPECT_EQ(is_same_file(file, folder() / name), same) << name;
    }
    EXPECT_FALSE(is_same_file(file, other));
    EXPECT_FALSE(is_same_file(folder() / "none", folder() / "none"));
}

TEST_F(OutputFile, APartialFileThatIsGoneIsAWriteError) {
    PartialFile file(folder() / "a.txt");
    fs::remove(file.path());
    EXPECT_THROW(file.commit(), WriteError);
    EXPECT_EQ(files_in_folder(), 0u);
}

}  // namespace
}  // namespace t3video
