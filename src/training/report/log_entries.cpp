// Reading is one walk over the lines, which cut_log shares.
#include "training/report/log_entries.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"
#include "core/output_file.h"
#include "core/printable.h"
#include "core/text_lines.h"
#include "film/settings_file.h"

namespace t3video::training {
namespace {

using nlohmann::json;

constexpr const char* kExpected = "the log of a training run";
constexpr size_t kLargestLog = size_t{4} << 30;  // ten million updates

std::string text_of_log(const std::filesystem::path& path) {
    return read_text_file(path, kExpected, kLargestLog);
}

std::string start_of(const json& value) {
    return printable(value.dump().substr(0, 40));
}

// Calls visit(line, object, place) for every whole line; a place is "run/log.jsonl: line 7".
void for_each_entry(std::string_view text, const std::filesystem::path& path, auto&& visit) {
    const std::vector<TextLine> lines = lines_of(text);
    for (const TextLine& line : lines) {
        const json entry = parse_json_or_discard(line.text);
        const bool may_be_cut = &line == &lines.back() && !text.ends_with('\n');
        if (may_be_cut && !entry.is_object()) return;
        const std::filesystem::path place = concat(path.string(), ": line ", line.number);
        require_valid(entry.is_object(), place.string(), R"(: is damaged; expected a JSON object such as {"kind": )",
                      R"("update", "update": 1, ...}; remove the line, or restore the file)");
        visit(line, entry, place);
    }
}

// The members of one object. A setter of another type throws InvalidRequest, with the place.
class Members {
  public:
    Members(const json& object, const std::filesystem::path& place) : object_(object), place_(place) {
        require_valid(object.is_object(), place.string(), ": found ", start_of(object), ", expected an object");
    }
    void read(const char* key, double& value) const {
        std::optional<double> found;
        film::read_setting(object_, key, place_, found);
        value = found.value_or(Log::kNone);
    }
    void read(const char* key, int64_t& value) const {
        film::read_setting(object_, key, place_, value);
        constexpr int64_t kMost = 1'000'000'000'000'000;  // sums of such numbers fit
        require_valid(value >= 0 && value <= kMost, place_.string(), ": \"", key, "\" is ", value, ", expected 0 to ",
                      kMost);
    }
    void read(const char* key, std::string& value) const { film::read_setting(object_, key, place_, value); }
    void read(const char* key, bool& value) const { film::read_setting(object_, key, place_, value); }
    void read(const char* key, std::vector<double>& values) const {
        for_each(key, [&](const json& value) {
            const bool is_null = value.is_null();
            require_valid(is_null || value.is_number(), place_.string(), ": \"", key, "\" has ", start_of(value),
                          ", expected numbers");
            values.push_back(is_null ? Log::kNone : value.get<double>());
        });
    }
    // read(value, members) for every object of a list.
    template <class T>
    void read(const char* key, std::vector<T>& values, auto&& read_one) const {
        for_each(key, [&](const json& value) { read_one(values.emplace_back(), Members(value, place_)); });
    }
    void for_each(const char* key, auto&& visit) const {
        const auto found = object_.find(key);
        if (found == object_.end()) return;
        require_valid(found->is_array(), place_.string(), ": \"", key, "\" is ", start_of(*found), ", expected a list");
        for (const json& value : *found) visit(value);
    }
    const json& object() const { return object_; }

  private:
    const json& object_;
    const std::filesystem::path& place_;
};

void read_bucket(Log::Bucket& bucket, const Members& from) {
    from.read("width", bucket.width);
    from.read("height", bucket.height);
    from.read("frames", bucket.frames);
    from.read("clips", bucket.clips);
    from.read("tokens", bucket.tokens);
}

void read_stage(Log::Stage& stage, const Members& from) {
    from.read("data", stage.data);
    from.read("updates", stage.updates);
    from.read("rate", stage.rate);
    from.read("layout", stage.layout);
    from.read("buckets", stage.buckets, read_bucket);
}

void read_film(Log::Film& film, const Members& from) {
    from.read("prompt", film.prompt);
    from.read("film", film.film);
    from.read("sheet", film.sheet);
}

Log::Run run_of(const Members& from) {
    Log::Run run;
    from.read("title", run.title);
    from.read("model", run.model);
    from.read("device", run.device);
    from.read("trained", run.trained);
    from.read("numbers", run.numbers);
    from.read("planned_seconds", run.planned_seconds);
    from.read("planned_bytes", run.planned_bytes);
    from.read("stages", run.stages, read_stage);
    if (const auto settings = from.object().find("settings"); settings != from.object().end()) {
        for (const auto& [name, value] : settings->items())
            run.settings.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
    return run;
}

Log::Update update_of(const Members& from) {
    Log::Update update;
    from.read("update", update.update);
    from.read("stage", update.stage);
    from.read("loss", update.loss);
    from.read("rate", update.rate);
    from.read("norm", update.norm);
    from.read("seconds", update.seconds);
    from.read("memory_bytes", update.memory_bytes);
    from.read("epoch", update.epoch);
    from.read("skipped", update.skipped);
    from.read("sigmas", update.sigmas);
    from.read("losses", update.losses);
    const size_t samples = std::min(update.sigmas.size(), update.losses.size());
    update.sigmas.resize(samples);
    update.losses.resize(samples);
    return update;
}

Log::Validation validation_of(const Members& from) {
    Log::Validation validation;
    from.read("update", validation.update);
    from.read("stage", validation.stage);
    from.read("clips", validation.clips);
    from.read("mean", validation.mean);
    from.read("losses", validation.losses, [](auto& loss, const Members& pair) {
        pair.read("sigma", loss.first);
        pair.read("loss", loss.second);
    });
    std::erase_if(validation.losses, [](const auto& loss) { return loss.first != loss.first; });
    std::ranges::sort(validation.losses, {}, [](const auto& loss) { return loss.first; });
    return validation;
}

Log::Note note_of(const Members& from, const char* key) {
    Log::Note note;
    from.read("update", note.update);
    from.read(key, note.text);
    return note;
}

void add_entry(Log& log, const Members& from, const std::filesystem::path& place) {
    std::string kind;
    from.read("kind", kind);
    if (kind == "run") {
        log.run = run_of(from);
    } else if (kind == "update") {
        Log::Update update = update_of(from);
        require_valid(update.update > log.last_update(), place.string(), ": is update ", update.update,
                      " after update ", log.last_update(), ", expected a later one");
        log.updates.push_back(std::move(update));
        log.end.reset();
    } else if (kind == "validation") {
        log.validations.push_back(validation_of(from));
    } else if (kind == "moved") {
        auto& moved = log.moved.emplace_back();
        from.read("update", moved.update);
        from.read("share", moved.share);
    } else if (kind == "samples") {
        Log::Samples samples;
        from.read("update", samples.update);
        from.read("films", samples.films, read_film);
        std::erase_if(log.samples, [&](const auto& other) { return other.update == samples.update; });
        log.samples.push_back(std::move(samples));
    } else if (kind == "checkpoint") {
        log.checkpoints.push_back(note_of(from, "file"));
    } else if (kind == "resumed") {
        log.notes.push_back(note_of(from, "text"));
        log.notes.back().text = "resumed";
        log.end.reset();
    } else if (kind == "note") {
        log.notes.push_back(note_of(from, "text"));
    } else if (kind == "end") {
        log.end = note_of(from, "reason").text;
    }
}

}  // namespace

int64_t Log::planned_updates() const {
    return std::accumulate(run.stages.begin(), run.stages.end(), int64_t{0},
                           [](int64_t sum, const Stage& stage) { return sum + stage.updates; });
}

Log read_log(const std::filesystem::path& path) {
    Log log;
    for_each_entry(text_of_log(path), path, [&](const TextLine&, const json& entry, const auto& place) {
        add_entry(log, Members(entry, place), place);
    });
    return log;
}

void cut_log(const std::filesystem::path& path, int64_t update) {
    std::string kept;
    for_each_entry(text_of_log(path), path, [&](const TextLine& line, const json& entry, const auto&) {
        if (whole_number_at(entry, "update").value_or(0) <= update) kept.append(line.text) += '\n';
    });
    replace_file(path, kept);
}

LogWriter::LogWriter(std::filesystem::path path)
    : path_(std::move(path)),
      descriptor_(open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0666)) {
    const int reason = errno;
    if (descriptor_ < 0 && is_full(reason))
        throw WriteError(concat(path_.string(), ": cannot be written: ", words_of_refusal(reason)));
    require_valid(descriptor_ >= 0, path_.string(), ": cannot be written: ", std::strerror(reason),
                  "; choose a folder that can be written");
    try {
        const std::string text = text_of_log(path_);
        const size_t begin = text.rfind('\n') + 1;  // of what follows the last whole line
        const bool is_whole = parse_json_or_discard(std::string_view(text).substr(begin)).is_object();
        bytes_ = static_cast<int64_t>(is_whole ? text.size() : begin);
        require_written(ftruncate(descriptor_, bytes_) == 0, path_);
        if (is_whole) write("\n");
    } catch (...) {
        close(descriptor_);
        throw;
    }
}

LogWriter::~LogWriter() {
    close(descriptor_);
}

void LogWriter::add(const json& entry) {
    write(entry.dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
}

void LogWriter::write(std::string_view bytes) {
    for (std::string_view rest = bytes; !rest.empty();) {
        const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
        if (count > 0) {
            rest.remove_prefix(static_cast<size_t>(count));
        } else if (count == 0 || errno != EINTR) {
            const int reason = errno;
            // A part of a line goes again; where even that fails, the next reader passes over it.
            const bool removed = ftruncate(descriptor_, bytes_) == 0;
            throw WriteError(concat(path_.string(), ": cannot be written: ", words_of_refusal(reason),
                                    removed ? "" : "; its last line is not whole"));
        }
    }
    bytes_ += static_cast<int64_t>(bytes.size());
}

}  // namespace t3video::training
