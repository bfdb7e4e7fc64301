// Updates, and what follows some of them.
#include "training/run/run_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "checkpoint/finite.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/hash_uniform.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "training/report/report.h"
#include "training/saved_state.h"

namespace t3video::training {
namespace {

using nlohmann::json;

constexpr int64_t kMovedAfter = 20;  // updates after which outputs are compared with the base's

bool all_finite(const std::vector<Tensor>& outputs) {
    return std::ranges::all_of(outputs, [](const Tensor& x) { return checkpoint::is_finite(x, 1); });
}

// Streams of random numbers of one seed.
enum class Stream : uint64_t { levels = 1, noise, dropout };

uint64_t seed_of(uint64_t seed, Stream stream) {
    return mix_bits(mix_bits(seed) + static_cast<uint64_t>(stream));
}

// While one lives, ops throw Stopped once a stop is asked for.
class Stoppable {
  public:
    Stoppable(Context& ctx, const std::stop_token& stop) : ctx_(ctx) {
        ctx_.set_poll([stop] {
            if (stop.stop_requested()) throw Stopped(Message("stopped"));
        });
    }
    ~Stoppable() { ctx_.set_poll({}); }
    Stoppable(const Stoppable&) = delete;
    Stoppable& operator=(const Stoppable&) = delete;

  private:
    Context& ctx_;
};

}  // namespace

double RunLoop::Update::mean_loss() const {
    if (losses.empty()) return 0;
    return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
}

const RunStage& RunLoop::stage_of(int64_t update) const {
    for (const RunStage& stage : stages_) {
        if (update < stage.last) return stage;
    }
    return stages_.back();
}

const t3::LayoutWindows& RunLoop::windows_of(const Grid& grid, int64_t samples) {
    constexpr size_t kKept = 16;
    constexpr int64_t kSmall = int64_t{1} << 16;  // tokens; lists of more are made anew, as plans count one of them
    const std::tuple key{grid.t, grid.h, grid.w, samples};
    auto found = windows_.find(key);
    if (found == windows_.end() && (windows_.size() >= kKept || grid.tokens() * samples > kSmall)) windows_.clear();
    if (found == windows_.end())
        found = windows_.emplace(key, t3::LayoutWindows(ctx_, layout_of(grid).layout, samples)).first;
    return found->second;
}

WindowsOf RunLoop::windows_of_one() {
    return [this](const Grid& grid) -> const t3::LayoutWindows& { return windows_of(grid, 1); };
}

std::optional<EncodedClip> RunLoop::whole_clip(const ShardSet& shards, size_t i) {
    const std::string& key = shards.notes(i).key;
    if (left_out_.contains(key)) return std::nullopt;
    try {
        return shards.clip(i);
    } catch (const InvalidRequest& broken) {
        left_out_.insert(key);
        observer_.warn(Message(broken.message(), "; the clip is left out"));
        return std::nullopt;
    }
}

std::optional<Sample> RunLoop::sample_at(const RunStage& stage, const Pick& pick, uint64_t index,
                                         std::vector<double>& sigmas) {
    const ShardSet& shards = stage.clips->shards();
    const std::optional<EncodedClip> clip = whole_clip(shards, stage.clips->clip_of(pick.entry));
    if (!clip) return std::nullopt;
    const bool dropped = hash_uniform(seed_of(options_.seed, Stream::dropout), index) < options_.caption_dropout;
    const Tensor& text =
        dropped ? shards.empty_text() : clip->texts[static_cast<size_t>(pick.turn) % clip->texts.size()];
    const NoiseLevel level = levels_.draw(seed_of(options_.seed, Stream::levels), index);
    sigmas.push_back(level.sigma);
    return sample_of(ctx_, clip->latents, text, level, mix_bits(seed_of(options_.seed, Stream::noise) ^ index),
                     options_.first_frame);
}

void RunLoop::add_group(std::vector<Sample>& group, std::vector<double>& losses) {
    if (group.empty()) return;
    const t3::LayoutWindows& windows = windows_of(models::WanDit::grid_of(group[0].latents), std::ssize(group));
    for (const StepResult& step : trainer_->add(ctx_, group, windows)) losses.push_back(step.loss);
    group.clear();
}

RunLoop::Update RunLoop::take_update(const RunStage& stage, int64_t update) {
    Update taken;
    {
        const Stoppable stoppable(ctx_, stop_);
        ctx_.poll();
        for (int64_t i = 0; i < options_.accumulate; ++i) {
            const int64_t position = (update - stage.first) * options_.accumulate + i;
            auto index = static_cast<uint64_t>((update * options_.accumulate + i) * options_.batch);
            std::vector<Sample> group;  // on the device no more than what is computed at once
            for (const Pick& pick : stage.clips->order().at(position)) {
                if (auto sample = sample_at(stage, pick, index++, taken.sigmas)) group.push_back(std::move(*sample));
                if (std::ssize(group) == options_.together) add_group(group, taken.losses);
            }
            add_group(group, taken.losses);
        }
    }
    if (taken.losses.empty()) {
        taken.result.skipped = true;
    } else {
        taken.result = trainer_->update(ctx_, rate_of(stage.rate, update - stage.first));
    }
    constexpr int64_t kMostSkipped = 20;
    skipped_in_a_row_ = taken.result.skipped ? skipped_in_a_row_ + 1 : 0;
    require_valid(skipped_in_a_row_ < kMostSkipped, "the last ", kMostSkipped,
                  " updates had gradients that are not finite, or no clip that can be used, and were left out: the "
                  "weights, the data or the ",
                  Field("rate", stage.rate.rate), " are to blame");
    return taken;
}

void RunLoop::log_update(LogWriter& log, const RunStage& stage, int64_t done, const Update& update, double seconds) {
    const double rate = rate_of(stage.rate, done - 1 - stage.first), loss = update.mean_loss();
    const auto epoch = static_cast<double>((done - stage.first) * options_.accumulate) /
                       static_cast<double>(stage.clips->order().batches());
    log.add({{"kind", "update"},
             {"update", done},
             {"stage", &stage - stages_.data()},
             {"loss", loss},
             {"rate", rate},
             {"norm", update.result.norm},
             {"seconds", seconds},
             {"memory_bytes", ctx_.allocator().peak()},
             {"samples", update.losses.size()},
             {"skipped", update.result.skipped},
             {"sigmas", update.sigmas},
             {"losses", update.losses},
             {"epoch", epoch}});
    observer_.updated({done, options_.all_updates(), loss, update.result.norm, rate, update.result.skipped});
}

void RunLoop::validate_stage(const RunStage& stage, int64_t done, LogWriter& log) {
    if (stage.validation.clips.empty()) return;
    const Stoppable stoppable(ctx_, stop_);
    const ValidationLosses losses =
        validate(ctx_, trainer_->dit(), stage.validation, windows_of_one(), options_.first_frame);
    json at = json::array();
    std::string text;
    for (size_t i = 0; i < kValidationSigmas.size(); ++i) {
        at.push_back({{"sigma", kValidationSigmas[i]}, {"loss", losses.at[i]}});
        text += fmt::format("{}{:.4f} at {}", i == 0 ? "" : ", ", losses.at[i], kValidationSigmas[i]);
    }
    log.add({{"kind", "validation"},
             {"update", done},
             {"stage", &stage - stages_.data()},
             {"clips", losses.clips},
             {"losses", at},
             {"mean", losses.mean}});
    write_report(log.path().parent_path());
    observer_.note(Message(fmt::format("Validation after {} updates: {:.4f} ({})", done, losses.mean, text)));
}

std::vector<Tensor> RunLoop::outputs() {
    const RunStage& stage = stages_.front();
    ChosenClips clips = stage.validation;
    if (clips.clips.empty()) clips = {&stage.clips->shards(), usable(stage.clips->shards(), stage.clips->learned(), 1)};
    const Stoppable stoppable(ctx_, stop_);
    return probe(ctx_, trainer_->dit(), clips, windows_of_one(), options_.first_frame);
}

std::vector<Tensor> RunLoop::outputs_before(const RunFolder& folder) const try {
    return load_probe(folder.base_outputs());
} catch (const InvalidRequest& broken) {
    observer_.warn(Message(broken.message(), "; how far outputs moved from the base's stays unknown"));
    return {};
}

void RunLoop::measure_move(int64_t done, const RunFolder& folder, LogWriter& log) {
    if (options_.from_scratch) return;  // there is no base that it could move away from
    const std::vector<Tensor> now = outputs();
    if (done == 0) return save_probe(folder.base_outputs(), now);
    const std::vector<Tensor> before = outputs_before(folder);
    if (before.empty()) return;
    const double share = distance(before, now);
    log.add({{"kind", "moved"}, {"update", done}, {"share", share}});
    const std::string moved =
        fmt::format("After {} updates outputs have moved {:.3g} % from the base's", done, 100 * share);
    if (share >= kMoved || done < kMovedAfter) return observer_.note(Message(moved));
    observer_.warn(Message(moved, ": as good as nothing was learned; a higher ", Field("rate"),
                           " or a look at the clips may help"));
}

void RunLoop::make_films(const RunStage& stage, int64_t done, const RunFolder& folder, LogWriter& log) {
    if (!films_->any()) return;
    observer_.ends();
    json films = json::array();
    for (const SampleFilm& film :
         films_->make(trainer_->dit(), film_of(stage), folder.samples(), fmt::format("{:06}", done), stop_)) {
        films.push_back({{"prompt", film.prompt},
                         {"film", "samples/" + film.film.filename().string()},
                         {"sheet", "samples/" + film.sheet.filename().string()}});
    }
    log.add({{"kind", "samples"}, {"update", done}, {"films", films}});
    if (done < options_.all_updates()) observer_.starts(done, options_.all_updates());
}

void RunLoop::save(int64_t done, const RunFolder& folder, LogWriter* log) {
    if (done == saved_) return;
    const std::filesystem::path file = folder.checkpoint_path(done);
    try {
        make_folders(file.parent_path());
        save_state(ctx_, *trainer_, file, {{"t3video_update", std::to_string(done)}});
        saved_ = done;
        folder.prune(options_.keep);
        if (log)
            log->add({{"kind", "checkpoint"}, {"update", done}, {"file", "checkpoints/" + file.filename().string()}});
        write_report(folder.path());
    } catch (const WriteError& error) {
        const std::vector<Checkpoint> whole = folder.checkpoints();
        Message message(error.message());
        if (!whole.empty()) message.add(concat("; the last checkpoint, ", whole.back().file.string(), ", is whole"));
        message.add("; to go on, once there is room: ");
        message.add(Remedy{Remedy::Kind::resume_run, folder.path().string()});
        throw WriteError(message);
    }
}

void RunLoop::after_update(int64_t done, const RunFolder& folder, LogWriter& log, const Log& before) {
    const RunStage& stage = stage_of(done - 1);
    const auto due = [&](int64_t every) { return every > 0 && done % every == 0; };
    const auto is_logged = [&](const auto& entries) {
        return std::ranges::any_of(entries, [&](const auto& entry) { return entry.update == done; });
    };
    const auto validate_unlogged = [&](const RunStage& of) {
        const bool logged = std::ranges::any_of(before.validations, [&](const Log::Validation& v) {
            return v.update == done && v.stage == &of - stages_.data();
        });
        if (!logged) validate_stage(of, done, log);
    };
    const bool ends = done == stage.last, last = done == options_.all_updates();
    const bool moves = done == std::min(kMovedAfter, options_.all_updates());
    if (moves && !is_logged(before.moved)) measure_move(done, folder, log);
    if (ends || due(options_.validate_every)) validate_unlogged(stage);
    if ((last || due(options_.sample_every)) && !is_logged(before.samples)) make_films(stage, done, folder, log);
    if (ends && !last) validate_unlogged(stage_of(done));
    if (last || due(options_.save_every)) save(done, folder, &log);
}

void RunLoop::stop_here(int64_t done, const RunFolder& folder, LogWriter& log) {
    observer_.ends();
    if (done > 0) save(done, folder, &log);
    log.add({{"kind", "end"}, {"update", done}, {"reason", "stopped"}});
    write_report(folder.path());
    throw Stopped(Message("stopped after ", done, " of ", options_.all_updates(),
                          " updates; to go on: ", Remedy{Remedy::Kind::resume_run, folder.path().string()}));
}

RunResult RunLoop::run(const RunFolder& folder, const std::optional<Checkpoint>& from, const json* record) {
    const auto begun = Clock::now();
    start(folder, from);
    if (record) folder.write_record(*record);
    const int64_t updates = options_.all_updates(), first = from ? from->update : 0;
    Log before;
    if (from && is_there(folder.log())) {
        cut_log(folder.log(), first);
        before = read_log(folder.log());
    } else {
        std::filesystem::remove(folder.log());
    }
    LogWriter log(folder.log());
    log_beginning(log);
    if (from) log.add({{"kind", "resumed"}, {"update", first}});
    write_report(folder.path());
    observer_.starts(first, updates);
    int64_t done = first;
    try {
        if (done == 0) {
            measure_move(0, folder, log);
            validate_stage(stages_.front(), 0, log);
        } else {
            after_update(done, folder, log, before);
        }
        while (done < updates) {
            const RunStage& stage = stage_of(done);
            const auto start = Clock::now();
            const Update update = take_update(stage, done);
            ++done;
            log_update(log, stage, done, update, seconds_since(start));
            after_update(done, folder, log);
        }
    } catch (const Stopped&) {
        stop_here(done, folder, log);
    }
    observer_.ends();
    const RunStage& last = stages_.back();
    require_valid(all_finite(outputs()), folder.path().string(), ": after ", done,
                  " updates the model's outputs are not numbers, and nothing is exported: ",
                  Field("rate", last.rate.rate), " or another option is too high");
    RunResult result{options_, folder.path() / "report.html"};
    const ClipBucket& largest = last.clips->buckets().front();
    result.width = largest.width;
    result.height = largest.height;
    result.frames = largest.frames;
    result.exported = export_run(ctx_, *trainer_, options_, last.windows.front().layout, folder.path());
    log.add({{"kind", "end"}, {"update", done}, {"reason", "done"}});
    write_report(folder.path());
    result.updates = done;
    result.seconds = seconds_since(begun);
    return result;
}

}  // namespace t3video::training
