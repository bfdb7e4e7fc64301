// What stands before a run's first update: data, windows, the plan, the trainer.
#include <algorithm>

#include "core/content_hash.h"
#include "core/error.h"
#include "core/paths.h"
#include "core/readable_bytes.h"
#include "ops/devices.h"
#include "training/data/encoders_of.h"
#include "training/initialise.h"
#include "training/run/fields.h"
#include "training/run/layouts.h"
#include "training/run/run_loop.h"
#include "training/saved_state.h"

namespace t3video::training {
namespace {

using nlohmann::json;

// Which clips a folder holds, in which order and how often.
std::string hash_of(const ShardSet& shards) {
    std::string all;
    for (size_t i = 0; i < shards.size(); ++i) all += concat(shards.notes(i).key, ' ', shards.notes(i).repeats, '\n');
    return text_hash(all);
}

// Says what to do where the newest checkpoint is of no use and an older one is there.
std::map<std::string, std::string> load_checkpoint(Context& ctx, Trainer& trainer, const std::filesystem::path& file,
                                                   const std::vector<Checkpoint>& all) try {
    return load_state(ctx, trainer, file);
} catch (const InvalidRequest& broken) {
    if (all.size() < 2) throw;
    throw InvalidRequest(
        Message(broken.message(), "; without that file the run goes on from ", all[all.size() - 2].file.string()));
}

}  // namespace

RunLoop::RunLoop(session::Session& session, session::FileModel& model, const RunOptions& options, RunObserver& observer,
                 std::stop_token stop)
    : session_(session),
      ctx_(session.context()),
      model_(model),
      options_(options),
      observer_(observer),
      stop_(std::move(stop)),
      levels_(options.noise),
      cell_(model.networks().traits().cell) {
    for (const std::string& note : model.networks().notes) observer.note(Message(note));
    require_valid(model.networks().experts.size() == 1, "a run trains one transformer, and this model has ",
                  model.networks().experts.size());
    if (!options_.validation.empty() && options_.validation_clips > 0) {
        validation_.emplace(options_.validation);
        require_encoders(*validation_, options_.validation);
    }
    for (const StageChoice& choice : options_.stages) load_stage(choice);
    if (stages_.front().validation.clips.empty() && options_.validation_clips > 0)
        observer.note(Message("No clips are held out of so few; name some with ", Field("validation"),
                              " to see whether the run learns"));
}

void RunLoop::load_stage(const StageChoice& choice) {
    RunStage stage{choice};
    const int64_t held_out = validation_ ? 0 : options_.validation_clips;
    stage.clips = std::make_unique<StageClips>(choice.data, model_.networks().dit().config(), held_out, options_.batch,
                                               options_.seed + stages_.size());
    require_encoders(stage.clips->shards(), choice.data);
    for (const ClipBucket& bucket : stage.clips->buckets()) {
        require_valid(!options_.first_frame || bucket.grid.t > 1, Field("first-frame"), ": ", choice.data.string(),
                      " holds pictures, of which nothing would be left to learn");
        stage.windows.push_back(layout_of(bucket.grid));
    }
    stage.first = stages_.empty() ? 0 : stages_.back().last;
    stage.last = stage.first + options_.updates_of(choice);
    stage.rate = options_.rate_options(choice);
    if (validation_) {
        std::vector<size_t> all(validation_->size());
        for (size_t i = 0; i < all.size(); ++i) all[i] = i;
        stage.validation = {&*validation_, usable(*validation_, all, options_.validation_clips)};
    } else {
        const ShardSet& shards = stage.clips->shards();
        stage.validation = {&shards, usable(shards, stage.clips->held_out(), options_.validation_clips)};
    }
    stages_.push_back(std::move(stage));
}

std::vector<size_t> RunLoop::usable(const ShardSet& shards, const std::vector<size_t>& clips, int64_t most) {
    std::vector<size_t> found;
    for (const size_t i : clips) {
        if (std::ssize(found) >= most) break;
        if (whole_clip(shards, i)) found.push_back(i);
    }
    return found;
}

void RunLoop::require_encoders(const ShardSet& shards, const std::filesystem::path& folder) {
    const Encoders& made = shards.encoders();
    const Encoders own = encoders_of(model_);
    const auto require_part = [&](const char* part, const std::string& a, const std::string& b) {
        require_valid(a == b, folder.string(), ": was encoded with another ", part, " than the model's, ",
                      model_.files().folder.string(), "; encode the clips again with this model");
    };
    require_part("VAE", made.vae, own.vae);
    require_part("text encoder", made.text_encoder, own.text_encoder);
    require_part("tokenizer", made.tokenizer, own.tokenizer);
}

const film::LayoutChoice& RunLoop::layout_of(const Grid& grid) {
    const std::tuple key{grid.t, grid.h, grid.w};
    const auto found = layouts_.find(key);
    if (found != layouts_.end()) return found->second;
    return layouts_.emplace(key, layout_for(options_, model_.files(), grid, cell_)).first->second;
}

json RunLoop::data_hashes() const {
    json all = json::array();
    for (const RunStage& stage : stages_) all.push_back(hash_of(stage.clips->shards()));
    if (validation_) all.push_back(hash_of(*validation_));
    return all;
}

json RunLoop::windows() const {
    json all = json::array();
    for (const RunStage& stage : stages_) {
        for (const film::LayoutChoice& choice : stage.windows) all.push_back(t3::layout_text(choice.layout));
    }
    return all;
}

json RunLoop::computing() const {
    const bool on_cpu = ctx_.device() == Device::cpu;
    json all{{"device", on_cpu ? "cpu" : "cuda"}, {"dtype", name_of(ctx_.compute_type())}};
    if (on_cpu) all["threads"] = ctx_.threads();
    return all;
}

void RunLoop::plan() {
    std::vector<PlannedStage> stages;
    for (const RunStage& stage : stages_) {
        stages.push_back({*stage.clips, stage.windows, stage.last - stage.first, stage.clips->order().batches(),
                          static_cast<int64_t>(stage.validation.clips.size())});
    }
    const plan::Machine machine = session_.machine();
    plan_ = plan_run(model_.networks().dit(), options_, stages, machine,
                     static_cast<size_t>(plan::host_memory(ctx_, session_.memory())), session_.rates());
    observer_.planned(options_, plan_);
    if (!plan_.refusal.empty()) throw InvalidRequest(plan_.refusal);
}

void RunLoop::start(const RunFolder& folder, const std::optional<Checkpoint>& from) {
    films_ = std::make_unique<SampleFilms>(session_, model_, options_, observer_);
    models::WanDit dit = model_.networks().dit();
    if (options_.from_scratch) {
        initialise(dit, options_.seed);
    } else {
        model_.require_finite_transformers(ctx_.threads());
    }
    TrainOptions options = options_.train_options();
    options.frozen = plan_.frozen;
    trainer_ = std::make_unique<Trainer>(ctx_, std::move(dit), options);
    ctx_.allocator().trim();
    check_films();
    if (!from) return;
    const auto notes = load_checkpoint(ctx_, *trainer_, from->file, folder.checkpoints());
    const auto update = notes.find("t3video_update");
    require_valid(update != notes.end() && update->second == std::to_string(from->update), from->file.string(),
                  ": is of another update than its name says; it was renamed or is damaged");
    saved_ = from->update;
    observer_.note(Message("Going on from ", from->file.string(), " in ", folder.path().string()));
}

film::Film RunLoop::film_of(const RunStage& stage) const {
    const ClipBucket& bucket = stage.clips->buckets().front();
    const double fps = stage.clips->shards().notes(0).fps;
    return sample_film_of(model_, options_, bucket.width, bucket.height, bucket.frames, fps, stage.windows.front());
}

void RunLoop::check_films() const {
    if (!films_->any()) return;
    ctx_.allocator().reset_peak();
    const size_t there = ctx_.allocator().peak();
    for (const RunStage& stage : stages_) {
        const size_t needed = films_->bytes(film_of(stage)) + there;
        const ClipBucket& bucket = stage.clips->buckets().front();
        require_valid(needed <= plan_.allowed, "a sample film of ", bucket.width, "x", bucket.height, ", ",
                      bucket.frames, " frames, takes ", readable_bytes(needed), " beside what is trained, and ",
                      readable_bytes(plan_.allowed), " may be used; leave out ", Field("prompt"));
    }
}

void RunLoop::log_beginning(LogWriter& log) const {
    json stages = json::array(), settings = json::object();
    for (const RunStage& stage : stages_) {
        json buckets = json::array();
        for (const ClipBucket& b : stage.clips->buckets()) {
            buckets.push_back({{"width", b.width},
                               {"height", b.height},
                               {"frames", b.frames},
                               {"clips", b.clips},
                               {"tokens", b.grid.tokens()}});
        }
        stages.push_back(
            {{"data", stage.choice.data.filename().string()},
             {"updates", stage.last - stage.first},
             {"rate", stage.rate.rate},
             {"layout", concat(stage.windows.front().origin, ": ", film::counts_of(stage.windows.front().layout))},
             {"buckets", buckets}});
    }
    const json fields = fields_of(options_);
    for (const auto& [name, value] : fields.items())
        settings[name] =
            value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, json::error_handler_t::replace);
    const std::string trained = options_.rank > 0 ? concat("LoRA of rank ", options_.rank) : "all weights";
    log.add({{"kind", "run"},
             {"title", absolute_path(options_.output).lexically_normal().filename().string()},
             {"model", model_.files().dit.string()},
             {"trained", trained},
             {"numbers", trainer_->numbers()},
             {"device", ctx_.device() == Device::cpu
                            ? concat("CPU, ", ctx_.threads(), " threads")
                            : ops::cuda_devices().at(static_cast<size_t>(ctx_.traits().id.ordinal))},
             {"settings", settings},
             {"stages", stages},
             {"planned_seconds", plan_.seconds},
             {"planned_bytes", plan_.bytes}});
}

}  // namespace t3video::training
