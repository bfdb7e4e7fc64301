// Runs libvmaf's programs and reads the log that they write.
#include "evaluation/vmaf.h"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <system_error>

#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/paths.h"
#include "evaluation/process.h"
#include "evaluation/statistics.h"

namespace t3video::evaluation {
namespace {

namespace fs = std::filesystem;

constexpr Metric kMetrics[] = {
    {.name = "vmaf",
     .title = "VMAF",
     .compares = true,
     .better = Better::higher,
     .unit = "",
     .range = "0 to 100; equal films have nearly 100",
     .definition =
         "What people are likely to say of the film's quality beside the reference, as a model learned it from "
         "their ratings of compressed and enlarged videos.",
     .formula = "mean over frames of the default model of the libvmaf that is installed (vmaf_v0.6.1 at the time of "
                "writing), from several measures of lost detail and of motion; parts: the same of each frame",
     .source = "Netflix, github.com/Netflix/vmaf; run as ffmpeg's filter libvmaf or as the program vmaf",
     .blindness = "Does not see colour. Its model is of films in 1920x1080 seen from three times their height, and of "
                  "what codecs do: sharpened films can score above the truth. Films must show the same content."},
};

// A folder that goes with what is in it.
class ScratchFolder {
  public:
    ScratchFolder() {
        const char* const place = std::getenv("TMPDIR");
        const std::string beginning = place && *place ? place : "/tmp";
        std::string path = beginning + "/t3video-vmaf-XXXXXX";
        if (mkdtemp(path.data()))
            path_ = path;
        else
            refusal_ = concat("no folder for its log in ", beginning, " (", std::generic_category().message(errno),
                              "); TMPDIR names another place");
    }
    ~ScratchFolder() {
        std::error_code ignored;
        if (!path_.empty()) fs::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    const fs::path& path() const { return path_; }
    const std::string& refusal() const { return refusal_; }  // why there is none

  private:
    fs::path path_;
    std::string refusal_;
};

std::string escaped(const std::string& text, std::string_view special) {
    std::string result;
    for (const char c : text) {
        if (special.find(c) != std::string_view::npos) result += '\\';
        result += c;
    }
    return result;
}

bool is_ffmpeg(const std::string& program) {
    return fs::path(program).filename() == "ffmpeg";
}

std::vector<std::string> words_for(const std::string& program, const fs::path& film, const fs::path& reference,
                                   const fs::path& log) {
    const int threads = available_threads();
    if (!is_ffmpeg(program)) {
        return {program,  "--reference", reference.string(), "--distorted", film.string(),
                "--json", "--output",    log.string(),       "--threads",   std::to_string(threads)};
    }
    // A value of a filter's option is read twice, as one and as a part of the graph (ffmpeg-filters(1), "Notes on
    // filtergraph escaping"). Frames get times by their number, so that films of other rates are compared frame by
    // frame.
    const std::string path = escaped(escaped(log.string(), "\\':"), "\\'[],;");
    const std::string graph = fmt::format(
        "[0:v:0]settb=1/25,setpts=N[film];[1:v:0]settb=1/25,setpts=N[reference];"
        "[film][reference]libvmaf=shortest=1:log_fmt=json:log_path={}:n_threads={}",
        path, threads);
    // Names of files could be taken for addresses ("a:b.mp4").
    return {program,
            "-nostdin",
            "-hide_banner",
            "-loglevel",
            "error",
            "-i",
            "file:" + film.string(),
            "-i",
            "file:" + reference.string(),
            "-lavfi",
            graph,
            "-f",
            "null",
            "-"};
}

// Of each frame; empty where the log holds anything else. It is whatever a program left under that name: a folder, a
// pipe that nobody writes to. Throws InvalidRequest for these, and where there is none.
std::vector<double> scores_in(const fs::path& log) {
    constexpr size_t kLongest = size_t{1} << 30;  // a frame takes about a kilobyte
    const nlohmann::json content = parse_json_or_discard(read_text_file(log, "a log", kLongest));
    std::vector<double> scores;
    try {
        for (const nlohmann::json& frame : content.at("frames"))
            scores.push_back(frame.at("metrics").at("vmaf").get<double>());
    } catch (const nlohmann::json::exception&) {
        return {};
    }
    return scores;
}

// Why it cannot read the film; empty if it may.
std::string refusal_of(const std::string& program, const fs::path& film) {
    if (!is_file(film)) return film.string() + " is no video file";
    if (!is_ffmpeg(program) && film.extension() != ".y4m")
        return film.string() + " is no .y4m file, and vmaf reads nothing else; an ffmpeg with libvmaf reads any video";
    return {};
}

}  // namespace

std::span<const Metric> vmaf_metrics() {
    return kMetrics;
}

std::optional<std::string> find_vmaf() {
    constexpr double kPatience = 20;  // seconds for an ffmpeg to say what it has
    if (const auto ffmpeg = find_program("ffmpeg")) {
        const ProcessResult help = run_process({*ffmpeg, "-hide_banner", "-h", "filter=libvmaf"}, kPatience);
        if (help.output.find("Filter libvmaf") != std::string::npos) return ffmpeg;
    }
    return find_program("vmaf");
}

Value measure_vmaf(const std::string& program, const fs::path& film, const fs::path& reference, double seconds,
                   const std::stop_token& stop) {
    Value value{&kMetrics[0], std::numeric_limits<double>::quiet_NaN(), {}, {}};
    for (const fs::path& path : {film, reference}) {
        value.note = refusal_of(program, path);
        if (!value.note.empty()) return value;
    }
    value.failed = true;
    const std::string name = fs::path(program).filename().string();
    const ScratchFolder scratch;
    value.note = scratch.refusal();
    if (!value.note.empty()) return value;
    const fs::path log = scratch.path() / "vmaf.json";
    const ProcessResult result =
        run_process(words_for(program, absolute_path(film), absolute_path(reference), log), seconds, stop);
    if (!result.succeeded()) {
        value.note = name + " " + words_of_failure(result, seconds);
        return value;
    }
    value.note = name + " wrote no scores of frames";
    try {
        value.parts = scores_in(log);
    } catch (const InvalidRequest&) {
        return value;
    }
    value.value = mean_of(value.parts).value;
    value.failed = !std::isfinite(value.value);
    if (!value.failed) value.note.clear();
    return value;
}

}  // namespace t3video::evaluation
