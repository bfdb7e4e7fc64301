// The log of a training run, "log.jsonl": one JSON object a line, as things happen. A member "kind" says what a line
// tells: "run" (first of all), "update", "validation", "moved", "samples", "checkpoint", "resumed", "note", "end".
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace t3video::training {

// What a log holds. Numbers that are not finite stand in JSON as null; they, and those that a line lacks, are NaN.
struct Log {
    static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

    struct Bucket {
        int64_t width = 0, height = 0, frames = 0, clips = 0;
        int64_t tokens = 0;  // of a clip
    };
    struct Stage {
        std::string data;
        int64_t updates = 0;
        double rate = kNone;
        std::string layout;
        std::vector<Bucket> buckets;
    };
    struct Run {
        std::string title, model, device;
        std::string trained;  // "all weights", "LoRA of rank 32"
        int64_t numbers = 0;  // that are trained
        std::vector<std::pair<std::string, std::string>> settings;
        std::vector<Stage> stages;
        double planned_seconds = kNone;  // of all updates together
        double planned_bytes = kNone;    // at the peak
    };
    struct Update {
        int64_t update = 0;  // from 1 on, over all stages
        int64_t stage = 0;   // from 0 on
        double loss = kNone, rate = kNone, norm = kNone, seconds = kNone, memory_bytes = kNone, epoch = kNone;
        bool skipped = false;                // the gradient was not finite, nothing changed
        std::vector<double> sigmas, losses;  // of its samples, as many of both
    };
    struct Validation {
        int64_t update = 0, stage = 0, clips = 0;
        std::vector<std::pair<double, double>> losses;  // sigma and loss, sigmas ascending
        double mean = kNone;
    };
    struct Moved {
        int64_t update = 0;
        double share = kNone;  // the outputs' distance from the base's, relative to their size
    };
    struct Film {
        std::string prompt, film, sheet;  // the files below the run's folder
    };
    struct Samples {
        int64_t update = 0;
        std::vector<Film> films;
    };
    struct Note {
        int64_t update = 0;
        std::string text;
    };

    Run run;  // of several the last one
    std::vector<Update> updates;
    std::vector<Validation> validations;
    std::vector<Moved> moved;
    std::vector<Samples> samples;    // one of an update, the last that was logged
    std::vector<Note> checkpoints;   // the files
    std::vector<Note> notes;         // resumes among them
    std::optional<std::string> end;  // the reason, unless the run went on afterwards

    int64_t last_update() const { return updates.empty() ? 0 : updates.back().update; }
    int64_t planned_updates() const;  // of all stages
};

// Kinds and members that are not known are passed over, and so is a last line that is not whole, because the run was
// killed. Throws InvalidRequest, naming the file and the line, for any other line that is no object, that has a member
// of another type, or whose update is not above the one before.
Log read_log(const std::filesystem::path& path);

// Rewrites the log, whole or not at all, without what was logged after this update and without a last line that is not
// whole; what belongs to no update stays. To be called before a LogWriter opens the file. Throws InvalidRequest where
// read_log would find a line that is no object, and as replace_file does.
void cut_log(const std::filesystem::path& path, int64_t update);

// Adds lines to a log, which is made where there is none. A last line that is not whole is removed first.
class LogWriter {
  public:
    // Throws InvalidRequest for what cannot be opened, or is no file.
    explicit LogWriter(std::filesystem::path path);
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    const std::filesystem::path& path() const { return path_; }
    // Hands the line to the system at once: it outlives this process. Bytes of texts that are no UTF-8 become U+FFFD.
    // Throws WriteError where the disk refuses; the log then ends with the line before.
    void add(const nlohmann::json& entry);

  private:
    void write(std::string_view bytes);

    std::filesystem::path path_;
    int descriptor_;
    int64_t bytes_ = 0;  // of whole lines
};

}  // namespace t3video::training
