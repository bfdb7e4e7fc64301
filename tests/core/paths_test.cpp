// Questions about paths that the system refuses to answer.
#include "core/paths.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/errors.h"
#include "support/files.h"

namespace t3video {
namespace {

namespace fs = std::filesystem;
using testing::expect_invalid;

TEST(Paths, KindsAreToldApart) {
    const testing::TemporaryFolder folder;
    const fs::path file = testing::write_file(folder / "file", "12345");
    ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
    fs::create_symlink(file, folder / "link");
    fs::create_symlink(folder / "gone", folder / "dangling");
    EXPECT_TRUE(is_there(file) && is_file(file) && !is_folder(file));
    EXPECT_TRUE(is_file(folder / "link"));
    EXPECT_TRUE(is_there(folder.path()) && is_folder(folder.path()) && !is_file(folder.path()));
    EXPECT_TRUE(is_there(folder / "pipe") && !is_file(folder / "pipe") && !is_folder(folder / "pipe"));
    for (const char* name : {"gone", "dangling", "file/below", ""})
        EXPECT_TRUE(!is_there(name[0] == '\0' ? fs::path() : folder / name)) << name;
    EXPECT_EQ(file_bytes(file), 5);
    for (const fs::path& taken : {file, folder / "dangling", folder / "pipe", folder.path()})
        EXPECT_TRUE(name_exists(taken)) << taken;
    for (const fs::path& free : {folder / "gone", file / "below", folder / std::string(300, 'n')})
        EXPECT_FALSE(name_exists(free)) << free;
    EXPECT_EQ(folder_above(file), folder.path());
    EXPECT_EQ(folder_above("film.mp4"), ".");
    EXPECT_EQ(entries_of(folder.path()),
              (std::vector<fs::path>{folder / "dangling", file, folder / "link", folder / "pipe"}));
    make_folders(folder / "a/b/c");
    make_folders(folder / "a/b/c");
    EXPECT_TRUE(is_folder(folder / "a/b/c"));
    EXPECT_EQ(canonical_path(folder / "a/../link"), fs::canonical(file));
}

TEST(Paths, RefusalsNameThePath) {
    const testing::TemporaryFolder folder;
    fs::create_symlink(folder / "circle", folder / "circle");
    testing::write_file(folder / "file", "");
    const fs::path circle = folder / "circle", beyond = folder / "circle/x", longest = folder / std::string(300, 'n');
    for (const auto& [path, words] : {std::pair<fs::path, std::string>{circle, "Too many levels of symbolic links"},
                                      {beyond, "Too many levels of symbolic links"},
                                      {longest, "File name too long"}}) {
        SCOPED_TRACE(path.string());
        const std::vector<std::string> parts = {path.string() + ": " + words};
        expect_invalid([&] { is_there(path); }, parts);
        expect_invalid([&] { is_file(path); }, parts);
        expect_invalid([&] { is_folder(path); }, parts);
        expect_invalid([&] { file_bytes(path); }, parts);
        expect_invalid([&] { entries_of(path); }, parts);
        expect_invalid([&] { canonical_path(path); }, parts);
        expect_invalid([&] { make_folders(path / "below"); }, {path.string()});
    }
    expect_invalid([&] { file_bytes(folder / "gone"); }, {"gone: No such file"});
    expect_invalid([&] { file_bytes(folder.path()); }, {folder.path().string() + ": Is a directory"});
    expect_invalid([&] { entries_of(folder / "file"); }, {"file: Not a directory"});
    expect_invalid([&] { make_folders(folder / "file/below"); }, {"file/below: Not a directory"});
}

TEST(Paths, WorkingDirectoryThatIsGone) {
    const fs::path before = fs::current_path();
    {
        const testing::TemporaryFolder folder;
        fs::current_path(folder.path());
    }
    expect_invalid([] { absolute_path("film.mp4"); }, {"film.mp4", "working directory"});
    expect_invalid([] { canonical_path("film.mp4"); }, {"film.mp4", "working directory"});
    EXPECT_EQ(absolute_path("/film.mp4"), "/film.mp4");
    EXPECT_FALSE(is_there("film.mp4"));
    fs::current_path(before);
    EXPECT_EQ(absolute_path("a/../film.mp4"), before / "a/../film.mp4");
}

}  // namespace
}  // namespace t3video
