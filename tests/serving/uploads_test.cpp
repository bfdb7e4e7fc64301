// Files of strangers, and words without paths.
#include "serving/uploads.h"

#include <gtest/gtest.h>

#include "media/png.h"
#include "serving/words.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/pictures.h"

namespace t3video::serving {
namespace {

namespace fs = std::filesystem;
using namespace testing;

struct UploadsTest : ::testing::Test {
    TemporaryFolder folder;
    const std::string png = media::encode_png(picture(40, 24));
};

TEST_F(UploadsTest, APictureIsKeptOnceByItsHash) {
    Uploads uploads(folder.path(), {});
    const Upload upload = uploads.add(png, "image");
    EXPECT_EQ(upload.id, sha256_of(png) + ".png");
    EXPECT_EQ(upload.kind, Upload::Kind::image);
    EXPECT_EQ(upload.width, 40);
    EXPECT_EQ(upload.height, 24);
    EXPECT_EQ(read_file(uploads.path_of(upload.id)), png);
    EXPECT_EQ(uploads.add(png, "image").id, upload.id);
    EXPECT_EQ(uploads.bytes(), static_cast<int64_t>(png.size()));
    EXPECT_EQ(uploads.kind_of(upload.id, "image"), Upload::Kind::image);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST_F(UploadsTest, NoneArrivesWhereThereIsNoRoom) {
    Uploads uploads(folder.path(), {});
    uploads.set_shortage([&] { return uploads.bytes() > 1000 ? "no room" : ""; });
    Uploads::Writer first(uploads);
    first.write(std::string(500, 'x'));
    Uploads::Writer second(uploads);
    try {
        second.write(std::string(600, 'x'));
        ADD_FAILURE();
    } catch (const Refused& refused) {
        EXPECT_EQ(refused.kind(), Refused::Kind::disk_full);
        EXPECT_STREQ(refused.what(), "no room");
    }
}

TEST_F(UploadsTest, OneOfARefusedRequestGoesUnlessAFilmHasIt) {
    Uploads uploads(folder.path(), {});
    const Upload upload = uploads.add(png, "image"), again = uploads.add(png, "image");
    EXPECT_TRUE(upload.is_new);
    EXPECT_FALSE(again.is_new);
    uploads.take_back(again, [](const std::string&) { return false; });
    uploads.take_back(upload, [](const std::string&) { return true; });
    EXPECT_EQ(uploads.find(upload.id, "image").width, 40);
    uploads.take_back(upload, [](const std::string&) { return false; });
    expect_invalid([&] { uploads.find(upload.id, "image"); }, {"no upload of that name"});
    EXPECT_EQ(uploads.bytes(), 0);
}

TEST_F(UploadsTest, AVideoComesPieceByPiece) {
    std::string video = "YUV4MPEG2 W16 H16 F8:1 Ip A1:1 C420jpeg\n";
    for (int i = 0; i < 5; ++i) video += "FRAME\n" + std::string(16 * 16 * 3 / 2, '\x60');
    Uploads uploads(folder.path(), {});
    Uploads::Writer writer(uploads);
    for (const char byte : video) writer.write({&byte, 1});
    const Upload upload = writer.finish("video");
    EXPECT_EQ(upload.id, sha256_of(video) + ".y4m");
    EXPECT_EQ(upload.kind, Upload::Kind::video);
    EXPECT_EQ(upload.width, 16);
    EXPECT_STREQ(upload.field(), "video");
}

TEST_F(UploadsTest, WhatIsNoPictureLeavesNothing) {
    Uploads uploads(folder.path(), {});
    for (const std::string& bytes : {std::string(), std::string("hello"), png.substr(0, 60), "\xff\xd8\xff" + png,
                                     std::string("#EXTM3U\nhttp://127.0.0.1/x.ts\n")}) {
        expect_invalid([&] { uploads.add(bytes, "input_reference"); }, {"input_reference"});
        try {
            uploads.add(bytes, "input_reference");
        } catch (const InvalidRequest& error) {
            EXPECT_EQ(std::string(error.what()).find(folder.path().string()), std::string::npos) << error.what();
        }
    }
    EXPECT_TRUE(fs::is_empty(folder.path()));
    EXPECT_EQ(uploads.bytes(), 0);
}

TEST_F(UploadsTest, NoMoreThanTheLimitIsTaken) {
    Uploads uploads(folder.path(), {.bytes = 100});
    Uploads::Writer writer(uploads);
    writer.write(std::string(100, 'x'));
    try {
        writer.write("x");
        ADD_FAILURE() << "taken";
    } catch (const Refused& refused) {
        EXPECT_EQ(refused.kind(), Refused::Kind::too_large);
    }
}

TEST_F(UploadsTest, OnlyNamesOfUploadsAreLookedFor) {
    write_file(folder / "secret.png", png);
    write_file(folder / "arriving-abc", "rest of a killed run");
    Uploads uploads(folder.path(), {});
    EXPECT_FALSE(fs::exists(folder / "arriving-abc"));
    for (const char* id : {"secret.png", "../secret.png", "", ".png", "/etc/passwd"})
        expect_invalid([&] { uploads.kind_of(id, "image"); }, {"image", "no upload"});
    expect_invalid([&] { uploads.kind_of(std::string(64, 'a') + ".png", "image"); }, {"no upload"});
}

TEST_F(UploadsTest, OldOnesThatNobodyUsesGo) {
    Uploads uploads(folder.path(), {.keep_seconds = 100});
    const std::string used = uploads.add(png, "image").id,
                      unused = uploads.add(media::encode_png(picture(8, 8)), "image").id,
                      young = uploads.add(media::encode_png(picture(9, 9)), "image").id;
    for (const std::string& id : {used, unused})
        fs::last_write_time(uploads.path_of(id), fs::file_time_type::clock::now() - std::chrono::hours(1));
    uploads.sweep([&](const std::string& id) { return id == used; });
    EXPECT_TRUE(fs::exists(uploads.path_of(used)));
    EXPECT_FALSE(fs::exists(uploads.path_of(unused)));
    EXPECT_TRUE(fs::exists(uploads.path_of(young)));
}

TEST(Words, PathsBecomeNames) {
    const Words words({{"/srv/data", ""}, {"/srv/models/wan", "wan"}, {"/srv", "srv"}});
    EXPECT_EQ(words.without_paths("/srv/data/films/a/film.mp4: is a folder"), "films/a/film.mp4: is a folder");
    EXPECT_EQ(words.without_paths("open /srv/models/wan/dit.safetensors"), "open wan/dit.safetensors");
    EXPECT_EQ(words.without_paths("a bug [/build/src/cuda/check.h:23]"), "a bug [check.h:23]");
    EXPECT_EQ(words.without_paths("'/etc/x y', 24000/1001 fps"), "'x y', 24000/1001 fps");
    EXPECT_EQ(words.line(Message("job /srv/data/films/a/film.job", "; ", Remedy{Remedy::Kind::resume, "/srv/data/x"},
                                 ", ", Field("steps", 3))),
              "job films/a/film.job; resume the film, steps 3");
    EXPECT_EQ(words.line(Message("two\nlines")), "two lines");
}

}  // namespace
}  // namespace t3video::serving
