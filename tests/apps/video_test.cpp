// Films from the command line, read back, shown and made again.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "media/input/video_reader.h"
#include "media/png.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;

TEST(CliVideo, GeneratesH264) {
    const TemporaryFolder folder;
    const Outcome outcome =
        run_program({"generate", "--prompt", "A red ball drifts left over green hills.", "--size", "64x48", "--frames",
                     "5", "--steps", "1", "--fps", "12", "--output", folder / "film.mp4"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const media::Video video = media::read_video(folder / "film.mp4");
    EXPECT_EQ(video.info.codec, "h264");
    EXPECT_EQ(video.info.width, 64);
    EXPECT_EQ(video.info.height, 48);
    EXPECT_EQ(video.frames.size(), 5u);
    EXPECT_EQ(video.info.fps, media::FrameRate(12.0));
    EXPECT_TRUE(std::filesystem::exists(folder / "film.png"));
}

TEST(CliVideo, OddSidesAreForPictures) {
    const TemporaryFolder folder;
    const Outcome outcome =
        run_program({"generate", "--prompt", "A red ball.", "--size", "251x250", "--output", folder / "film.mp4"});
    EXPECT_EQ(outcome.exit_code, 2);
    for (const char* part : {"251x250", "even", "252x250"})
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

class CliLike : public ::testing::Test {
  protected:
    Outcome make(const std::string& name, std::vector<std::string> options) {
        options.insert(options.begin(), "generate");
        options.insert(options.end(), {"--output", folder_ / name});
        return run_program(options);
    }
    static std::vector<std::string> small() {
        return {"--prompt", "A red ball, \"drifting\" left.", "--size", "64x64", "--frames", "5", "--steps", "1"};
    }
    static std::vector<std::string> with(std::vector<std::string> options, const std::vector<std::string>& more) {
        options.insert(options.end(), more.begin(), more.end());
        return options;
    }
    TemporaryFolder folder_;
};

TEST_F(CliLike, MakesTheSameFilmAgain) {
    struct Case {
        const char *file, *again;
        std::vector<std::string> options;
    };
    for (const Case& c :
         {Case{"a.mp4", "b.mp4", {"--codec", "hevc", "--seed", "5", "--crf", "30", "--negative", "fog"}},
          Case{"a.mov", "b.mov", {"--codec", "prores", "--cfg", "1"}}, Case{"a.mkv", "b.mkv", {"--bits", "10"}},
          Case{"a/%05d.exr", "b/%05d.exr", {"--bits", "32"}}, Case{"p/", "q/", {"--bits", "16", "--shift", "2.5"}}}) {
        const Outcome first = make(c.file, with(small(), c.options));
        ASSERT_EQ(first.exit_code, 0) << first.err;
        const bool pictures = std::string(c.file).find('/') != std::string::npos;
        const auto file = [&](const char* name) {
            const std::filesystem::path path = folder_ / name;
            const char* frame = std::string(name).ends_with("exr") ? "00003.exr" : "00003.png";
            return pictures ? path.parent_path() / frame : path;
        };
        const Outcome second = make(c.again, {"--like", file(c.file)});
        ASSERT_EQ(second.exit_code, 0) << second.err;
        EXPECT_TRUE(read_file(file(c.file)) == read_file(file(c.again))) << c.file;

        const Outcome shown = run_program({"inspect", file(c.again)});
        EXPECT_EQ(shown.exit_code, 0) << shown.err;
        for (size_t i = 0; i < c.options.size(); i += 2) {
            EXPECT_NE(shown.out.find(c.options[i] + " " + c.options[i + 1]), std::string::npos) << shown.out;
        }
        EXPECT_NE(shown.out.find("--prompt A red ball, \"drifting\" left."), std::string::npos) << shown.out;
        EXPECT_NE(shown.out.find("--size 64x64"), std::string::npos) << shown.out;
    }
}

// Whatever stands in memory that an encoder took and never wrote.
TEST_F(CliLike, NarrowFilmsInHevcAreTheSameEachTime) {
    std::string usual;
    for (const char* byte : {"0", "1", "33", "254"}) {
        const std::string film = folder_ / (std::string(byte) + ".mp4");
        const std::vector<std::string> options = {"generate", "--codec",    "hevc", "--crf",    "30", "--seed",
                                                  "5",        "--negative", "fog",  "--output", film};
        const Outcome made = run_program(with(options, small()), "MALLOC_PERTURB_=" + std::string(byte) + " ");
        ASSERT_EQ(made.exit_code, 0) << made.err;
        if (usual.empty()) usual = read_file(film);
        EXPECT_TRUE(read_file(film) == usual) << byte;
    }
}

TEST_F(CliLike, OptionsOnTheLineCount) {
    ASSERT_EQ(make("a.mp4", with(small(), {"--codec", "hevc"})).exit_code, 0);
    const Outcome other =
        make("b.mp4", {"--like", folder_ / "a.mp4", "--codec", "h264", "--size", "48x64", "--prompt", "Rain."});
    ASSERT_EQ(other.exit_code, 0) << other.err;
    const media::VideoInfo info = media::read_video(folder_ / "b.mp4").info;
    EXPECT_EQ(info.codec, "h264");
    EXPECT_EQ(info.pixels, "yuv420p");
    EXPECT_EQ(info.width, 48);
    const Outcome shown = run_program({"inspect", folder_ / "b.mp4"});
    EXPECT_NE(shown.out.find("--prompt Rain."), std::string::npos) << shown.out;
    EXPECT_NE(shown.out.find("--steps 1"), std::string::npos) << shown.out;
    const Outcome pictures = make("frames/", {"--like", folder_ / "a.mp4"});
    EXPECT_EQ(pictures.exit_code, 0) << "a codec is none of pictures: " << pictures.err;
}

// Codec, bits and quality of the job's film hold for a file of its kind, and the last two not beside another codec.
TEST_F(CliLike, DecodeTakesTheFormatWhereItFits) {
    ASSERT_EQ(make("a.mp4", with(small(), {"--codec", "av1", "--crf", "60"})).exit_code, 0);
    const auto decode = [&](const char* name, std::vector<std::string> options) {
        options.insert(options.begin(), {"decode", folder_ / "a.job", "--output", folder_ / name});
        const Outcome outcome = run_program(options);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        return run_program({"inspect", folder_ / name}).out;
    };
    const std::string same = decode("b.mkv", {}), other = decode("c.mp4", {"--codec", "h264"});
    EXPECT_NE(same.find("--codec av1"), std::string::npos) << same;
    EXPECT_NE(same.find("--crf 60"), std::string::npos) << same;
    EXPECT_NE(other.find("--crf 18"), std::string::npos) << other;
    EXPECT_NE(decode("frames/", {"--bits", "16"}).find("16-bit RGB"), std::string::npos);
}

// A film from elsewhere says neither where files go nor how it is computed.
TEST_F(CliLike, RecordsHoldNoPlacesToWriteTo) {
    ASSERT_EQ(make("p/", with(small(), {"--bits", "8"})).exit_code, 0);
    media::Image image(64, 64);
    for (const char* option : {"job", "output", "preview", "memory", "device"}) {
        const std::string record =
            concat(R"({"t3video": "0.1.0", "device": "cpu", "dtype": "f32", "options": {"prompt": "x", ")", option,
                   R"(": "1"}, "format": {"kind": "png", "bits": 8}})");
        write_file(folder_ / "foreign.png", media::encode_png(image, {.comment = record}));
        const Outcome outcome = make("b.mp4", {"--like", folder_ / "foreign.png"});
        EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
        EXPECT_NE(outcome.err.find(concat("made with --", option)), std::string::npos) << outcome.err;
    }
}

// What a stranger's film says of itself does not reach the terminal as orders.
TEST_F(CliLike, InspectShowsControlCharacters) {
    const std::vector<std::string> hostile = {
        "--prompt", "\x1b]0;PWN\a\x1b[2Jx\x7f\xC2\x9B\xE2\x80\xAE", "--size", "64x64", "--frames", "1", "--steps", "1"};
    ASSERT_EQ(make("a.mp4", hostile).exit_code, 0);
    const Outcome shown = run_program({"inspect", folder_ / "a.mp4"});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_NE(shown.out.find(R"(--prompt \x1b]0;PWN\x07\x1b[2Jx\x7f\u009b\u202e)"), std::string::npos) << shown.out;
    EXPECT_EQ(std::ranges::count_if(shown.out, [](char c) { return c != '\n' && (c < ' ' || c == 0x7f); }), 0);
}

// Nor what a picture does that t3video did not write.
TEST_F(CliLike, InspectShowsControlCharactersOfStrangers) {
    const std::string record =
        R"({"t3video": "0.1.0", "device": "cpu", "dtype": "f32", "options": {"prompt": )"
        R"("\u001b]0;PWN\u0007\u001b[2Jx\u007f\u009b\u202e"}, "format": {"kind": "png", "bits": 8}})";
    const media::Image image(64, 64);
    const Outcome shown =
        run_program({"inspect", write_file(folder_ / "foreign.png", media::encode_png(image, {.comment = record}))});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_NE(shown.out.find(R"(--prompt \x1b]0;PWN\x07\x1b[2Jx\x7f\u009b\u202e)"), std::string::npos) << shown.out;
    EXPECT_EQ(std::ranges::count_if(shown.out, [](char c) { return c != '\n' && (c < ' ' || c == 0x7f); }), 0);
}

TEST_F(CliLike, WrongFilmsAndFormatsAreOneLine) {
    ASSERT_EQ(make("plain.mp4", with(small(), {"--no-record"})).exit_code, 0);
    const auto refused = [&](const Outcome& outcome, const std::string& says) {
        EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
        EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
        EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    };
    refused(make("b.mp4", {"--like", folder_ / "plain.mp4"}), "does not say how it was made");
    refused(make("b.mp4", {"--like", folder_ / "none.mp4"}), "none.mp4: no such file");
    refused(make("b.mp4", with(small(), {"--codec", "vp9"})), "--codec vp9: expected h264, hevc, av1 or prores");
    refused(make("b.mp4", with(small(), {"--codec", "prores"})), "write .mov or .mkv");
    refused(make("b.mp4", with(small(), {"--bits", "16"})), "--bits 16: h264 takes 8 or 10");
    refused(make("b.mp4", {"--prompt", "Rain.", "--size", "48x48", "--codec", "av1"}), "video size 48x48");
    refused(make("film.exr", small()), "%05d");
    const Outcome shown = run_program({"inspect", folder_ / "plain.mp4"});
    EXPECT_EQ(shown.exit_code, 0);
    EXPECT_NE(shown.out.find("the file does not say how"), std::string::npos) << shown.out;
    EXPECT_FALSE(std::filesystem::exists(folder_ / "b.job"));
}

}  // namespace
}  // namespace t3video
