// Checks of a run's options, and what its parts take of them.
#include "training/run/options.h"

#include <cmath>

#include "core/error.h"

namespace t3video::training {

int64_t RunOptions::all_updates() const {
    int64_t sum = 0;
    for (const StageChoice& stage : stages) sum += updates_of(stage);
    return sum;
}

RateOptions RunOptions::rate_options(const StageChoice& stage) const {
    RateOptions r = schedule;
    r.rate = rate_or_default();
    r.updates = updates_of(stage);
    return r;
}

TrainOptions RunOptions::train_options() const {
    TrainOptions t;
    if (rank > 0) t.adapters = AdapterOptions{.rank = rank, .alpha = alpha, .targets = targets, .seed = seed};
    t.stream = stream;
    t.streams = streams;
    t.deterministic = deterministic;
    t.optimizer = optimizer;
    return t;
}

void check(const RunOptions& o) {
    constexpr int64_t kMost = 100'000'000;
    const auto within = [](const char* name, int64_t value, int64_t least, int64_t most) {
        require_valid(value >= least && value <= most, Field(name, value), ": expected ", least, " to ", most);
    };
    require_valid(!o.output.empty(), Field("output"), ": a run needs a folder to work in");
    require_valid(!o.stages.empty(), Field("data"), ": a run needs a folder of encoded clips");
    for (const StageChoice& stage : o.stages) within("updates", o.updates_of(stage), 1, kMost);
    within("batch", o.batch, 1, 1 << 20);
    within("accumulate", o.accumulate, 1, 1 << 20);
    require_valid(o.together >= 1 && o.together <= o.batch, Field("together", o.together), ": expected 1 to ", o.batch,
                  ", the clips of ", Field("batch"));
    within("rank", o.rank, 0, 4096);
    within("validation-clips", o.validation_clips, 0, 1 << 20);
    within("validate-every", o.validate_every, 0, kMost);
    within("sample-every", o.sample_every, 0, kMost);
    within("save-every", o.save_every, 1, kMost);
    within("keep", o.keep, 1, 1 << 20);
    within("sample-steps", o.sample_steps.value_or(1), 1, 1000);
    require_valid(o.optimizer.decay >= 0 && o.optimizer.decay <= 10, Field("decay", o.optimizer.decay),
                  ": expected 0 to 10");
    require_valid(o.alpha >= 0 && o.alpha <= 65536, Field("alpha", o.alpha), ": expected 0 to 65536");
    require_valid(std::isfinite(o.caption_dropout) && o.caption_dropout >= 0 && o.caption_dropout < 1,
                  Field("caption-dropout", o.caption_dropout), ": expected a share from 0 to below 1");
    require_valid(o.rank > 0 || (o.alpha == 0 && o.targets == AdapterOptions().targets), Field("alpha"), " and ",
                  Field("target"), " belong to a LoRA, which ", Field("rank", 32), " asks for");
    require_valid(o.rank == 0 || !o.from_scratch, Field("from-scratch"), ": there is nothing that a LoRA could adapt");
    require_valid(!o.from_scratch || o.parts.loras.empty(), Field("from-scratch"), " and ", Field("lora"),
                  " exclude each other: fresh weights take the place of all");
    const bool films = o.sample_every > 0 || o.sample_steps.has_value();
    require_valid(!films || !o.prompts.empty(), Field(o.sample_every > 0 ? "sample-every" : "sample-steps"),
                  " needs a ", Field("prompt"));
    const bool drawn = o.noise.draw == NoiseLevelOptions::Draw::logit_normal;
    require_valid(drawn || (o.noise.mean == 0 && o.noise.deviation == 1), Field("logit-normal"), " belongs to ",
                  Field("noise-levels", "logit-normal"));
    require_valid(o.attention != film::Attention::full || (o.layout.empty() && o.branches == t3::Branches::both),
                  Field("attention", "full"), " has no windows: leave out ", Field("layout"), " and ",
                  Field("branches"));
    for (const StageChoice& stage : o.stages) check(o.rate_options(stage));
    AdamW{o.optimizer};
    NoiseLevels{o.noise};
}

}  // namespace t3video::training
