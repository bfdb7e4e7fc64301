// Every bucket's step on a context that counts; what is tried where it does not fit.
#include "training/run/run_plan.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/readable_bytes.h"

namespace t3video::training {
namespace {

struct Planner {
    const models::WanDit& dit;
    const std::vector<PlannedStage>& stages;
    const plan::Machine& machine;
    size_t host;

    StepPlan step(const ClipBucket& bucket, const t3::WindowLayout& layout, const TrainOptions& options,
                  int64_t together) const {
        const int64_t rows = std::min(bucket.text_rows, models::kTextRows);
        return plan_step(dit, layout, bucket.latent, rows, models::kTextRows - rows, options, machine, together);
    }

    bool fits(const StepPlan& step) const {
        return step.bytes + machine.taken <= machine.allowed && step.host_bytes <= host;
    }

    // Whether every bucket fits; the largest ones are tried first.
    bool all_fit(const TrainOptions& options, int64_t together) const {
        for (const PlannedStage& stage : stages) {
            const auto& buckets = stage.clips.buckets();
            for (size_t b = 0; b < buckets.size(); ++b) {
                if (!fits(step(buckets[b], stage.windows[b].layout, options, together))) return false;
            }
        }
        return true;
    }
};

// A way to need less.
struct Remedial {
    Message says;
    TrainOptions options;
    int64_t together;
};

std::vector<Remedial> remedies(const RunOptions& o, const TrainOptions& chosen, bool on_cpu) {
    std::vector<Remedial> all;
    TrainOptions t = chosen;
    if (o.together > 1) all.push_back({Message(Field("together", 1)), t, 1});
    const Field eight("states", on_cpu ? "8bit" : "8bit-host"), host("states", "host"), streams("streams", "host");
    const auto with = [&](bool in_8_bits, bool on_host, bool streams_on_host) {
        TrainOptions r = t;
        r.optimizer.moments_in_8_bits |= in_8_bits;
        r.optimizer.moments_on_host |= on_host;
        if (streams_on_host) r.streams = nn::StreamPlace::host;
        return r;
    };
    if (on_cpu) {
        all.push_back({Message(eight), with(true, false, false), 1});
    } else {
        all.push_back({Message(streams), with(false, false, true), 1});
        all.push_back({Message(host), with(false, true, false), 1});
        all.push_back({Message(streams, " and ", host), with(false, true, true), 1});
        all.push_back({Message(streams, " and ", eight), with(true, true, true), 1});
    }
    if (!chosen.adapters) {
        for (const int64_t rank : {64, 16, 4}) {
            t.adapters = AdapterOptions{.rank = rank};
            all.push_back({Message(Field("rank", rank)), with(false, false, false), 1});
            if (!on_cpu) all.push_back({Message(Field("rank", rank), " and ", streams), with(false, false, true), 1});
        }
    }
    return all;
}

std::string size_of_bucket(const ClipBucket& b) {
    return concat(b.width, 'x', b.height, ", ", b.frames, " frames");
}

Message refusal_of(const RunPlan& plan, const BucketPlan& largest, const Planner& planner, const RunOptions& o) {
    const bool host = largest.step.host_bytes > planner.host;
    Message why("clips of ", size_of_bucket(largest.bucket), ", take ",
                readable_bytes(host ? plan.host_bytes : plan.bytes), host ? " of pinned host memory" : "",
                " to train on, and ", readable_bytes(host ? plan.host_allowed : plan.allowed), " may be used");
    if (!plan.limit.empty() && !host) why.add(concat(" (", plan.limit, ")"));
    for (const Remedial& remedy : remedies(o, o.train_options(), planner.machine.on_cpu())) {
        if (!planner.all_fit(remedy.options, remedy.together)) continue;
        why.add("; ");
        why.add(remedy.says);
        why.add(" would fit");
        return why;
    }
    for (const BucketPlan& bucket : plan.buckets) {
        if (!planner.fits(bucket.step)) continue;
        why.add(concat("; the largest clips of this data that fit are of ", size_of_bucket(bucket.bucket)));
        return why;
    }
    why.add("; smaller or shorter clips, or a machine with more memory, are needed");
    return why;
}

}  // namespace

RunPlan plan_run(const models::WanDit& dit, const RunOptions& o, const std::vector<PlannedStage>& stages,
                 const plan::Machine& machine, size_t host, const plan::Rates& rates) {
    const Planner planner{dit, stages, machine, host};
    RunPlan plan{.allowed = machine.allowed, .host_allowed = host, .limit = machine.limit};
    TrainOptions options = o.train_options();
    if (options.adapters && !machine.on_cpu() && !planner.all_fit(options, o.together)) {
        TrainOptions streamed = options;
        streamed.frozen = nn::Residency::streamed;
        if (planner.all_fit(streamed, o.together)) options = streamed;
    }
    plan.frozen = options.frozen;
    std::optional<BucketPlan> too_large;
    for (size_t s = 0; s < stages.size(); ++s) {
        const PlannedStage& stage = stages[s];
        double clip_seconds = 0, picks = 0, forward_seconds = 0;
        for (size_t b = 0; b < stage.clips.buckets().size(); ++b) {
            const ClipBucket& bucket = stage.clips.buckets()[b];
            BucketPlan planned{s, bucket, stage.windows[b]};
            planned.step = planner.step(bucket, planned.windows.layout, options, o.together);
            const auto of_one = [&](const Work& work) { return rates.seconds(work) / static_cast<double>(o.together); };
            planned.clip_seconds = of_one(planned.step.forward) + of_one(planned.step.backward);
            clip_seconds += planned.clip_seconds * static_cast<double>(bucket.clips);
            picks += static_cast<double>(bucket.clips);
            forward_seconds = std::max(forward_seconds, of_one(planned.step.forward));
            plan.update_seconds = std::max(plan.update_seconds, rates.seconds(planned.step.update));
            plan.bytes = std::max(plan.bytes, planned.step.bytes + machine.taken);
            plan.host_bytes = std::max(plan.host_bytes, planned.step.host_bytes);
            if (!planner.fits(planned.step) && !too_large) too_large = planned;
            plan.buckets.push_back(std::move(planned));
        }
        const auto updates = static_cast<double>(stage.updates);
        constexpr double kLevels = 5;
        const double validations = o.validate_every > 0 ? updates / static_cast<double>(o.validate_every) + 1 : 2;
        // Of a bucket's clips the last batch may be short.
        const double clips = picks / static_cast<double>(stage.batches) * static_cast<double>(o.accumulate);
        plan.seconds += updates * (clip_seconds / picks * clips + plan.update_seconds) +
                        validations * kLevels * static_cast<double>(stage.validation_clips) * forward_seconds;
    }
    if (too_large) plan.refusal = refusal_of(plan, *too_large, planner, o);
    return plan;
}

}  // namespace t3video::training
