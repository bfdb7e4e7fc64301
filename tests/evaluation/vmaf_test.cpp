// Programs in place of ffmpeg and vmaf, which look at their words and write what those would.
#include "evaluation/vmaf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "core/error.h"
#include "support/files.h"

namespace t3video::evaluation {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

constexpr double kLong = 60;  // seconds; no test takes so long unless it fails

// As libvmaf 3 writes it, shortened.
constexpr const char* kLog = R"({"version": "3.0.0", "fps": 12.5,
  "frames": [{"frameNum": 0, "metrics": {"integer_motion": 0.0, "vmaf": 90.5}},
             {"frameNum": 1, "metrics": {"integer_motion": 1.5, "vmaf": 70.25}},
             {"frameNum": 2, "metrics": {"integer_motion": 1.5, "vmaf": 80.0}}],
  "pooled_metrics": {"vmaf": {"min": 70.25, "max": 90.5, "mean": 80.25, "harmonic_mean": 79.4}},
  "aggregate_metrics": {}})";

class Vmaf : public ::testing::Test {
  protected:
    Vmaf() { setenv("PATH", ((folder_ / "bin").string() + ":/usr/bin:/bin").c_str(), 1); }
    ~Vmaf() override {
        setenv("PATH", path_.c_str(), 1);
        if (temporary_)
            setenv("TMPDIR", temporary_->c_str(), 1);
        else
            unsetenv("TMPDIR");
    }

    // Of both, it writes its words to "words", one a line, and then does what the script says.
    std::string program(const std::string& name, const std::string& script) {
        const fs::path file =
            testing::write_file(folder_ / ("bin/" + name),
                                "#!/bin/sh\nprintf '%s\\n' \"$@\" >'" + (folder_ / "words").string() + "'\n" + script);
        fs::permissions(file, fs::perms::owner_all);
        return file.string();
    }
    std::string film(const std::string& name) { return testing::write_file(folder_ / name, "frames").string(); }
    std::string log() { return testing::write_file(folder_ / "log.json", kLog).string(); }
    std::vector<std::string> words() const {
        std::vector<std::string> words;
        std::istringstream lines(testing::read_file(folder_ / "words"));
        for (std::string line; std::getline(lines, line);) words.push_back(line);
        return words;
    }
    static std::vector<std::string> after(const std::vector<std::string>& words, const std::string& option) {
        std::vector<std::string> values;
        for (size_t i = 0; i + 1 < words.size(); ++i) {
            if (words[i] == option) values.push_back(words[i + 1]);
        }
        return values;
    }
    static void expect_scores(const Value& value) {
        EXPECT_EQ(value.metric, &vmaf_metrics()[0]);
        EXPECT_EQ(value.note, "");
        EXPECT_DOUBLE_EQ(value.value, 80.25);
        EXPECT_EQ(value.parts, std::vector<double>({90.5, 70.25, 80}));
    }
    static void expect_note(const Value& value, const std::string& note, bool failed = true) {
        EXPECT_EQ(value.metric, &vmaf_metrics()[0]);
        EXPECT_TRUE(std::isnan(value.value));
        EXPECT_EQ(value.note, note);
        EXPECT_TRUE(value.parts.empty());
        EXPECT_EQ(value.failed, failed);
    }

    TemporaryFolder folder_;

  private:
    std::string path_ = std::getenv("PATH");
    std::optional<std::string> temporary_ =
        std::getenv("TMPDIR") ? std::optional<std::string>(std::getenv("TMPDIR")) : std::nullopt;
};

TEST_F(Vmaf, AnFfmpegWithTheFilterIsPreferred) {
    setenv("PATH", (folder_ / "bin").c_str(), 1);
    EXPECT_FALSE(find_vmaf());
    const std::string vmaf = program("vmaf", "exit 1\n");
    EXPECT_EQ(find_vmaf(), vmaf);
    const std::string ffmpeg = program("ffmpeg", "echo \"Unknown filter 'libvmaf'.\"\n");
    EXPECT_EQ(find_vmaf(), vmaf);
    EXPECT_EQ(words(), std::vector<std::string>({"-hide_banner", "-h", "filter=libvmaf"}));
    program("ffmpeg", "echo 'Filter libvmaf'; echo '  Calculate the VMAF between two video streams.'\n");
    EXPECT_EQ(find_vmaf(), ffmpeg);
    program("ffmpeg", "kill -9 $$\n");
    EXPECT_EQ(find_vmaf(), vmaf);
}

TEST_F(Vmaf, TheProgramVmafWritesALog) {
    const std::string vmaf =
        program("vmaf", "[ \"$1 $3 $5 $6\" = '--reference --distorted --json --output' ] || exit 9\ncp '" + log() +
                            "' \"$7\"\n");
    const std::string a = film("a film's.y4m"), b = film("b.y4m");
    expect_scores(measure_vmaf(vmaf, a, b, kLong));
    EXPECT_EQ(after(words(), "--distorted"), std::vector<std::string>{a});
    EXPECT_EQ(after(words(), "--reference"), std::vector<std::string>{b});
    const std::vector<std::string> logs = after(words(), "--output");
    ASSERT_EQ(logs.size(), 1u);
    EXPECT_FALSE(fs::exists(fs::path(logs[0]).parent_path()));  // nothing is left
}

TEST_F(Vmaf, FfmpegWritesALog) {
    // What stands behind log_path= up to the next option.
    const std::string ffmpeg = program("ffmpeg",
                                       "for word; do case $word in *libvmaf=*) graph=$word;; esac; done\n"
                                       "path=${graph##*log_path=}; cp '" +
                                           log() + "' \"${path%%:*}\"\n");
    const std::string a = film("a: film's.mp4"), b = film("-b.webm");
    expect_scores(measure_vmaf(ffmpeg, a, b, kLong));
    EXPECT_EQ(after(words(), "-i"), std::vector<std::string>({"file:" + a, "file:" + b}));
    const std::vector<std::string> graphs = after(words(), "-lavfi");
    ASSERT_EQ(graphs.size(), 1u);
    EXPECT_TRUE(
        graphs[0].starts_with("[0:v:0]settb=1/25,setpts=N[film];[1:v:0]settb=1/25,setpts=N[reference];"
                              "[film][reference]libvmaf=shortest=1:log_fmt=json:log_path="))
        << graphs[0];
}

TEST_F(Vmaf, ALogInAFolderOfAnOddNameIsEscapedTwice) {
    const fs::path odd = folder_ / "it's: [1],;";
    fs::create_directories(odd);
    setenv("TMPDIR", odd.c_str(), 1);
    const std::string ffmpeg = program("ffmpeg", "exit 0\n");
    expect_note(measure_vmaf(ffmpeg, film("a.mp4"), film("b.mp4"), kLong), "ffmpeg wrote no scores of frames");
    const std::vector<std::string> graphs = after(words(), "-lavfi");
    ASSERT_EQ(graphs.size(), 1u);
    EXPECT_NE(graphs[0].find(R"(it\\\'s\\: \[1\]\,\;/t3video-vmaf-)"), std::string::npos) << graphs[0];
}

TEST_F(Vmaf, FailuresAreNotes) {
    const std::string a = film("a.mp4"), b = film("b.mp4");
    expect_note(measure_vmaf(program("ffmpeg", "echo 'input width must match' >&2; exit 1\n"), a, b, kLong),
                "ffmpeg ended with exit status 1: input width must match");
    expect_note(measure_vmaf(program("ffmpeg", "sleep 1000\n"), a, b, 0.3), "ffmpeg took longer than 0.3 s");
    expect_note(measure_vmaf((folder_ / "none/ffmpeg").string(), a, b, kLong),
                "ffmpeg cannot be started: No such file or directory");
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW(measure_vmaf(program("ffmpeg", "sleep 1000\n"), a, b, kLong, stop.get_token()), Stopped);
}

TEST_F(Vmaf, OtherLogsHoldNoScores) {
    const std::string a = film("a.y4m"), b = film("b.y4m");
    for (const char* text :
         {"", "no JSON", "{\"frames\": [{\"metrics\": {\"vmaf\": NaN}}]}",
          "{\"frames\": [{\"metrics\": {\"vmaf\": 1e999}}]}", "[]", "{\"frames\": []}",
          "{\"frames\": [{\"metrics\": {\"psnr\": 1}}]}", "{\"frames\": [{\"metrics\": {\"vmaf\": \"high\"}}]}",
          "{\"frames\": 7}", "{\"frames\": [{\"metrics\": {\"vmaf\": null}}]}"}) {
        const std::string other = testing::write_file(folder_ / "other.json", text).string();
        expect_note(measure_vmaf(program("vmaf", "cp '" + other + "' \"$7\"\n"), a, b, kLong),
                    "vmaf wrote no scores of frames");
    }
}

// Whatever stands where the log was to be is neither waited for nor read without end.
TEST_F(Vmaf, ALogThatIsNoFileHoldsNoScores) {
    const std::string a = film("a.y4m"), b = film("b.y4m");
    for (const char* script : {"exit 0\n", "mkdir \"$7\"\n", "mkfifo \"$7\"\n", "ln -s /dev/zero \"$7\"\n",
                               "ln -s none \"$7\"\n", "mkdir -p \"$7/a/b\"\n", "rm -r \"${7%/*}\"\n"})
        expect_note(measure_vmaf(program("vmaf", script), a, b, kLong), "vmaf wrote no scores of frames");
}

TEST_F(Vmaf, NowhereToPutTheLogIsANote) {
    const std::string a = film("a.y4m"), b = film("b.y4m"), vmaf = program("vmaf", "exit 0\n");
    const fs::path none = folder_ / "none";
    setenv("TMPDIR", none.c_str(), 1);
    expect_note(measure_vmaf(vmaf, a, b, kLong), "no folder for its log in " + none.string() +
                                                     " (No such file or directory); TMPDIR names another place");
    setenv("TMPDIR", a.c_str(), 1);
    expect_note(measure_vmaf(vmaf, a, b, kLong),
                "no folder for its log in " + a + " (Not a directory); TMPDIR names another place");
    EXPECT_FALSE(fs::exists(folder_ / "words"));  // nothing was run
}

TEST_F(Vmaf, KindsOfFilmsThatTheProgramDoesNotReadAreNamed) {
    const std::string vmaf = program("vmaf", "exit 0\n"), ffmpeg = program("ffmpeg", "exit 0\n");
    const std::string video = film("a.mp4"), plain = film("a.y4m");
    for (const auto& [a, b] : {std::pair(video, plain), {plain, video}}) {
        expect_note(measure_vmaf(vmaf, a, b, kLong),
                    video +
                        " is no .y4m file, and vmaf reads nothing else; an ffmpeg "
                        "with libvmaf reads any video",
                    false);
    }
    expect_note(measure_vmaf(ffmpeg, folder_.path(), video, kLong), folder_.path().string() + " is no video file",
                false);
    EXPECT_FALSE(fs::exists(folder_ / "words"));  // nothing was run
}

}  // namespace
}  // namespace t3video::evaluation
