#include "evaluation/film_sets.h"

#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/files.h"
#include "support/pictures.h"

namespace t3video::evaluation {
namespace {

using t3video::testing::expect_invalid;
using t3video::testing::TemporaryFolder;
using t3video::testing::write_file;
using t3video::testing::write_pictures;

std::vector<std::string> names_of(const FilmSet& set) {
    std::vector<std::string> names;
    for (const FilmFile& film : set.films) names.push_back(film.name);
    return names;
}

TEST(FilmSets, AFilmIsASetOfItsOwn) {
    const TemporaryFolder folder;
    write_file(folder / "a.b.mp4", "x");
    const FilmSet video = find_films((folder / "a.b.mp4").string());
    EXPECT_TRUE(video.single);
    EXPECT_EQ(names_of(video), std::vector<std::string>{"a.b"});
    write_pictures(folder / "frames", 2);
    const FilmSet pictures = find_films((folder / "frames").string() + "/");
    EXPECT_TRUE(pictures.single);
    EXPECT_EQ(names_of(pictures), std::vector<std::string>{"frames"});
    EXPECT_FALSE(pictures.films.front().latents);
    write_file(folder / "x.safetensors", "x");
    EXPECT_TRUE(find_films((folder / "x.safetensors").string()).films.front().latents);
}

TEST(FilmSets, AFolderHoldsVideosAndFoldersOfPicturesInTheirNumbersOrder) {
    const TemporaryFolder folder;
    for (const char* name : {"10.mp4", "9.mp4", "9.png", ".8.mp4", "notes.txt"}) write_file(folder / name, "x");
    write_pictures(folder / "11", 1);
    write_file(folder / "12" / "notes.txt", "x");
    write_file(folder / "9.job" / "request.json", R"({"t3video": "0.1.0"})");
    write_pictures(folder / "9.job", 1);
    const FilmSet set = find_films("new=" + folder.path().string());
    EXPECT_EQ(set.name, "new");
    EXPECT_FALSE(set.single);
    EXPECT_EQ(names_of(set), (std::vector<std::string>{"9", "10", "11"}));
    EXPECT_EQ(set.find("10")->path, folder / "10.mp4");
    EXPECT_EQ(set.find("12"), nullptr);
    expect_invalid([&] { find_films((folder / "9.job").string()); }, {"9.job", "a job's folder"});
}

TEST(FilmSets, LatentsCountWhereThereAreNoFilms) {
    const TemporaryFolder folder;
    write_file(folder / "a" / "0.safetensors", "x");
    EXPECT_TRUE(find_films((folder / "a").string()).films.front().latents);
    write_file(folder / "a" / "1.mp4", "x");
    EXPECT_EQ(names_of(find_films((folder / "a").string())), std::vector<std::string>{"1"});
}

TEST(FilmSets, WhatIsNotReadIsNamedWithItsReason) {
    const TemporaryFolder folder;
    for (const char* name : {"0.mp4", "1.safetensors", "2.safetensors", "notes.txt", "sheet.png"})
        write_file(folder / name, "x");
    for (const char* name : {"a", "b.mp4", "c", "d"}) std::filesystem::create_directories(folder / name);
    const FilmSet set = find_films(folder.path().string());
    EXPECT_EQ(names_of(set), std::vector<std::string>{"0"});
    EXPECT_EQ(set.not_read,
              "1.safetensors, 2.safetensors (latents beside films); "
              "a, b.mp4, c and 1 more (folders without PNG pictures)");
}

TEST(FilmSets, WhatTheSystemDoesNotTellOfIsAFilmThatCannotBeRead) {
    const TemporaryFolder folder;
    const auto circle = [&](const char* name) { std::filesystem::create_symlink(name, folder / name); };
    write_file(folder / "0.safetensors", "x");
    circle("1.safetensors");
    circle("2");
    const FilmSet set = find_films(folder.path().string());
    EXPECT_EQ(names_of(set), (std::vector<std::string>{"0", "1", "2"}));
    EXPECT_TRUE(set.films[1].latents);
    // Beside frames it is none.
    std::filesystem::remove(folder / "0.safetensors");
    write_pictures(folder.path(), 2);
    EXPECT_TRUE(find_films(folder.path().string()).single);
}

TEST(FilmSets, SayWhatIsWrong) {
    const TemporaryFolder folder;
    const std::string here = folder.path().string();
    expect_invalid([&] { find_films(here + "/none.mp4"); }, {"none.mp4", "there is no such file"});
    expect_invalid([&] { find_films(here); }, {here, "no films in this folder"});
    expect_invalid([&] { find_films("=" + here); }, {"expected NAME=PATH"});
    expect_invalid([&] { find_films("new="); }, {"expected NAME=PATH"});
    write_file(folder / "0.mp4", "x");
    write_file(folder / "0.mkv", "x");
    expect_invalid([&] { find_films(here); }, {"both 0.mkv and 0.mp4", "matched by name"});
    expect_invalid([&] { check_names({{"a", "x/a"}, {"b", "x/b"}, {"a", "y/a"}}); }, {"two sets are called a", "y/a"});
}

// A path with "=" in it that is there is a path.
TEST(FilmSets, EqualsMayBePartOfAName) {
    const TemporaryFolder folder;
    const std::string path = write_file(folder / "cfg=5.mp4", "x").string();
    EXPECT_EQ(find_films(path).path, path);
    EXPECT_EQ(find_films("a=" + path).path, path);
}

}  // namespace
}  // namespace t3video::evaluation
