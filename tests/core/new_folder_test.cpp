// Folders that go again, and paths that cannot be folders.
#include "core/new_folder.h"

#include <gtest/gtest.h>

#include <optional>

#include "support/errors.h"
#include "support/files.h"

namespace t3video {
namespace {

namespace fs = std::filesystem;

TEST(NewFolder, WhatItMadeGoesWhereNothingIsInIt) {
    const testing::TemporaryFolder folder;
    fs::create_directories(folder / "old");
    const Message what(Field("output"));
    {
        const NewFolder deep(folder / "a/b/c", what), old(folder / "old", what), slash(folder / "s/", what);
        EXPECT_TRUE(fs::is_directory(folder / "a/b/c"));
    }
    EXPECT_FALSE(fs::exists(folder / "a"));
    EXPECT_FALSE(fs::exists(folder / "s"));
    EXPECT_TRUE(fs::exists(folder / "old"));
    {
        const NewFolder deep(folder / "a/b/c", what);
        testing::write_file(folder / "a/b/film", "x");
    }
    EXPECT_TRUE(fs::exists(folder / "a/b/film"));
    EXPECT_FALSE(fs::exists(folder / "a/b/c"));
}

TEST(NewFolder, WhatCannotBeAFolderIsNamed) {
    const testing::TemporaryFolder folder;
    const std::string file = testing::write_file(folder / "file", "x").string(), dangling = (folder / "link").string();
    fs::create_symlink(folder / "none", dangling);
    const auto refuses = [](const std::string& path, const std::string& why) {
        testing::expect_invalid([&] { NewFolder(path, Message(Field("output", path))); },
                                {"output " + path + ": " + why});
    };
    refuses(file, "is no folder; name a folder");
    refuses(dangling, "is a link that leads nowhere; name a folder");
    refuses(file + "/sub", "cannot be made (Not a directory); name another folder");
    refuses("/proc/x", "cannot be made (No such file or directory); name another folder");
    refuses((folder / std::string(300, 'n')).string(), "cannot be made (File name too long); name another folder");
    EXPECT_FALSE(fs::exists(folder / "none"));
}

}  // namespace
}  // namespace t3video
