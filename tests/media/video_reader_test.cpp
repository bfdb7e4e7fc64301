// What this project writes without FFmpeg, read by FFmpeg's demuxers and decoders.
#include "media/input/video_reader.h"

#include "media/frame_writer.h"
#include "media/input/film_reader.h"
#include "media/png.h"
#include "media_fixture.h"
#include "support/files.h"

namespace t3video::media {
namespace {

const std::filesystem::path kMedia = T3VIDEO_TEST_DATA "/media";

class VideoReaderTest : public MediaTest {};

TEST_F(VideoReaderTest, Y4mHasItsTimeAndColours) {
    const std::filesystem::path path = folder() / "a.y4m";
    const auto writer = open_writer(path, 448, 256, 23.976);
    for (int64_t i = 0; i < 5; ++i) writer->write(moving_picture(448, 256, i));
    writer->close();
    const Video video = read_video(path);
    ASSERT_EQ(video.frames.size(), 5u);
    EXPECT_EQ(video.info.fps, FrameRate(24000, 1001));
    EXPECT_EQ(video.info.pixels, "yuv420p");
    EXPECT_EQ(video.info.tags.range, "tv");
    for (size_t i = 0; i < 5; ++i) {
        EXPECT_GT(psnr(video.frames[i], moving_picture(448, 256, static_cast<int64_t>(i))), 38) << i;
        EXPECT_NEAR(video.times[i], static_cast<double>(i) * 1001 / 24000, 1e-9);
    }
}

TEST_F(VideoReaderTest, PngIsExact) {
    for (const auto& [width, height] : {std::pair<int64_t, int64_t>{5, 3}, {448, 256}, {1000, 701}}) {
        const Image image = moving_picture(width, height, 2);
        write_png(folder() / "a.png", image);
        const Video video = read_video(folder() / "a.png");
        EXPECT_EQ(video.info.codec, "png");
        ASSERT_EQ(video.frames.size(), 1u);
        EXPECT_TRUE(video.frames[0] == image);
    }
    EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(VideoReaderTest, FramesOfAFilmAreInput) {
    const std::filesystem::path path = folder() / "a.y4m";
    const auto writer = open_writer(path, 64, 48, 12.5);
    for (int64_t i = 0; i < 3; ++i) writer->write(moving_picture(64, 48, i));
    writer->close();
    const auto reader = open_frames(path);
    EXPECT_EQ(reader->fps(), 12.5);
    Image image;
    int64_t frames = 0;
    for (; reader->read(image); ++frames) EXPECT_GT(psnr(image, moving_picture(64, 48, frames)), 30);
    EXPECT_EQ(frames, 3);
}

// Most demuxers take the end of such a file for the end of the film.
TEST_F(VideoReaderTest, AFilmThatWasCutIsNotWhole) {
    constexpr int64_t kFrames = 24;
    const auto read_all = [&](const std::filesystem::path& path) {
        const auto reader = open_frames(path);
        Image image;
        int64_t frames = 0;
        while (reader->read(image)) ++frames;
        return frames;
    };
    for (const char* name : {"a.mkv", "a.mp4", "a.y4m"}) {
        const std::filesystem::path path = folder() / name;
        const auto writer = open_writer(path, 64, 48, 16);
        for (int64_t i = 0; i < kFrames; ++i) writer->write(moving_picture(64, 48, i));
        writer->close();
        EXPECT_EQ(read_all(path), kFrames);
        const std::string whole = testing::read_file(path);
        for (const size_t percent : {30, 50, 75}) {
            const auto cut = make_file(concat("cut", name), whole.substr(0, whole.size() * percent / 100));
            const std::string message = complaint([&] { read_all(cut); });
            EXPECT_TRUE(contains(message, cut.string() + ": "));
            const bool y4m = name == std::string("a.y4m");
            EXPECT_TRUE(contains(message, y4m ? "cut in the middle of frame " : "of about 24") ||
                        contains(message, "download is not complete"))
                << message;
        }
    }
    // Of a film for the web its samples come last: what is read of it is told as before.
    const std::string mkv = testing::read_file(folder() / "a.mkv");
    const auto cut = make_file("cut.mkv", mkv.substr(0, mkv.size() / 2));
    EXPECT_TRUE(contains(complaint([&] { read_all(cut); }), " frames of about 24 are there"));
    // Only what follows the frames is missing.
    EXPECT_EQ(read_all(make_file("index.mkv", mkv.substr(0, mkv.size() - 3))), kFrames);
    // As many frames as are wanted can be read of it.
    Image image;
    EXPECT_TRUE(open_frames(cut)->read(image));
}

TEST_F(VideoReaderTest, SoundMayBeLongerThanTheFilm) {
    for (const char* name : {"sound.mkv", "sound.mp4", "opus.mkv", "opus-early.mkv", "gap.mp4", "gap-fast.mp4"}) {
        const auto reader = open_frames(kMedia / name);
        Image image;
        while (reader->read(image)) {
        }
    }
}

TEST_F(VideoReaderTest, Y4mOfAWrongSizeSaysWhich) {
    const auto says = [&](const char* header) {
        return complaint([&] { open_frames(make_file("a.y4m", concat("YUV4MPEG2 ", header, "\nFRAME\n"))); });
    };
    EXPECT_TRUE(contains(says("W100000 H100000 F25:1"), "100000x100000 pixels; expected sides of 1 to 32768"));
    EXPECT_TRUE(contains(says("W99999999999999999999 H4 F25:1"), "99999999999999999999x4 pixels"));
    EXPECT_TRUE(contains(says("W0 H64 F25:1"), "0x64 pixels"));
    EXPECT_TRUE(contains(says("H64 F25:1"), "a damaged YUV4MPEG2 header"));
}

TEST_F(VideoReaderTest, AVideoCalledPngIsNoPicture) {
    const std::filesystem::path frames = folder() / "frames";
    std::filesystem::create_directories(frames);
    const auto writer = open_writer(folder() / "a.mp4", 64, 48, 16);
    for (int64_t i = 0; i < 3; ++i) writer->write(moving_picture(64, 48, i));
    writer->close();
    std::filesystem::rename(folder() / "a.mp4", frames / "2.png");
    EXPECT_TRUE(contains(complaint([&] { open_frames(frames); }), "2.png: not a PNG picture, but a video"));
    write_png(frames / "1.png", moving_picture(64, 48, 0));
    const auto reader = open_frames(frames);
    Image image;
    EXPECT_TRUE(reader->read(image));
    EXPECT_TRUE(contains(complaint([&] { reader->read(image); }), "2.png: not a PNG picture, but a video"));
}

// None of the files or addresses in them is opened: the film beside them is whole.
TEST_F(VideoReaderTest, ListsOfOtherFilesAreNotFollowed) {
    const auto writer = open_writer(folder() / "film.mkv", 64, 64, 8);
    writer->write(moving_picture(64, 64, 0));
    writer->close();
    const std::pair<const char*, const char*> lists[] = {
        {"list.m3u8", "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfilm.mkv\n#EXT-X-ENDLIST\n"},
        {"list.mp4", "ffconcat version 1.0\nfile film.mkv\n"},
        {"list.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"},
    };
    for (const auto& [name, text] : lists) {
        const std::string message = complaint([&] { open_frames(make_file(name, text)); });
        EXPECT_TRUE(contains(message, "list of other files")) << message;
        EXPECT_TRUE(contains(message, name)) << message;
    }
    EXPECT_TRUE(contains(complaint([&] { open_frames("http://localhost/a.mp4"); }), "addresses are not read"));
    EXPECT_TRUE(
        contains(complaint([&] { open_frames("concat:" + (folder() / "film.mkv").string()); }), "no such file"));
    // A pattern is a name like any other.
    write_png(folder() / "1.png", moving_picture(16, 16, 0));
    EXPECT_TRUE(contains(complaint([&] { open_frames(folder() / "%d.png"); }), "no such file"));
    std::filesystem::rename(folder() / "film.mkv", folder() / "a%d{x}*?.mkv");
    Image image;
    EXPECT_TRUE(open_frames(folder() / "a%d{x}*?.mkv")->read(image));
}

TEST_F(VideoReaderTest, OtherFilesAreNamed) {
    const std::pair<std::string, const char*> files[] = {
        {"", "is empty"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
         "is a Git LFS pointer, not a picture or video; fetch the file itself"},
        {"<!DOCTYPE html><html>404</html>", "is an HTML or XML page"},
        {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "is an HTML or XML page"},
        {"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"4\" height=\"4\"/>", "is an SVG drawing"},
        {"<?xml version=\"1.0\"?>\n<svg width=\"4\" height=\"4\"/>", "is an SVG drawing"},
        {"%PDF-1.4\n", "is a PDF or PostScript document"},
        {"\x1f\x8b\x08" + std::string(40, 'x'), "is compressed (gzip); unpack it first"},
        {std::string("PK\3\4\0", 5), "is a ZIP archive"},
        {"Entry not found", "is a text that begins with 'Entry not found', not a picture or video"},
        {"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\n", "is a PAM picture"},
        {std::string(5000, '\0'), "begins with zeros"},
    };
    for (const auto& [contents, says] : files) {
        const auto path = make_file("a.jpg", contents);
        for (const auto& open : {&open_frames, &open_picture}) {
            const std::string message = complaint([&] { open(path, kNoLimit, {}); });
            EXPECT_TRUE(contains(message, "a.jpg: ") && contains(message, says)) << message << "; " << says;
        }
    }
}

TEST_F(VideoReaderTest, FilmsThatEndEarlyAreNamed) {
    const std::string whole = testing::read_file(kMedia / "gap.mp4"), index = "moov";
    const size_t end = whole.find(index) - 4;
    const std::string without = complaint([&] { open_frames(make_file("a.mp4", whole.substr(0, end))); });
    EXPECT_TRUE(contains(without, "a.mp4: damaged, or its download is not complete")) << without;
    // With the index in front, as of films that are to be shown while they are loaded.
    const std::string fast = testing::read_file(kMedia / "gap-fast.mp4");
    ASSERT_LT(fast.find(index), fast.find("mdat"));
    const auto reader = open_frames(make_file("b.mp4", fast.substr(0, fast.size() - 300)));
    const std::string early = complaint([&] {
        for (Image image; reader->read(image);) continue;
    });
    EXPECT_TRUE(contains(early, "b.mp4: damaged") && contains(early, "its download is not complete")) << early;
}

TEST_F(VideoReaderTest, PicturesInFoldersAreWhatTheirContentsAre) {
    std::filesystem::create_directory(folder() / "in");
    for (const char* name : {"1.png", "2.png"}) std::filesystem::copy(kMedia / "flat.webp", folder() / "in" / name);
    write_png(folder() / "in/3.png", Image(32, 32));
    const auto reader = open_frames(folder() / "in");
    const int expected[] = {200, 200, 0};
    for (const int red : expected) {
        Image image;
        ASSERT_TRUE(reader->read(image));
        EXPECT_NEAR(image.pixel(9, 9)[0], red, 1);
    }
}

TEST_F(VideoReaderTest, FramesThatTakeTooMuchAreRefusedByTheHeader) {
    const auto path = make_file("a.y4m", "YUV4MPEG2 W7680 H4320 F24:1 C420jpeg\nFRAME\n");  // and no frame
    const std::string message = complaint([&] { open_frames(path, int64_t{100} << 20); });
    EXPECT_TRUE(contains(message, "a.y4m: 7680x4320 pixels takes ") && contains(message, "but 100 MiB may be used"))
        << message;
    EXPECT_GT(open_frames(path)->bytes(), 7680 * 4320 * 9 / 2);
    const auto file = make_file("a.bmp", "BM");
    std::filesystem::resize_file(file, uintmax_t{40} << 30);
    EXPECT_TRUE(contains(complaint([&] { open_picture(file, int64_t{100} << 20); }), "a.bmp"));
}

}  // namespace
}  // namespace t3video::media
