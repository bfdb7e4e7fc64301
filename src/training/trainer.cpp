// A transformer in training.
#include "training/trainer.h"

#include <string_view>
#include <utility>

#include "core/error.h"

namespace t3video::training {
namespace {

models::WanDit prepared(Context& ctx, models::WanDit dit, const TrainOptions& o) {
    require(o.frozen != nn::Residency::packed, "train: packed weights have no backward");
    if (o.adapters) {
        train_adapters(ctx, dit, *o.adapters);
        return nn::prepared(ctx, std::move(dit), o.frozen);
    }
    train_all(ctx, dit);
    return dit;
}

}  // namespace

Trainer::Trainer(Context& ctx, models::WanDit dit, const TrainOptions& o)
    : dit_(prepared(ctx, std::move(dit), o)),
      tape_(make_tape(o.stream.value_or(ctx.compute_type()), o.streams, o.deterministic)),
      optimizer_(o.optimizer) {
    optimizer_.prepare(ctx, trained_params(dit_));
}

StepResult Trainer::add(Context& ctx, const Sample& sample, const t3::LayoutWindows& windows, const OnPart& on_part) {
    return add(ctx, {&sample, 1}, windows, on_part).front();
}

std::vector<StepResult> Trainer::add(Context& ctx, std::span<const Sample> samples, const t3::LayoutWindows& windows,
                                     const OnPart& on_part) {
    try {
        std::vector<StepResult> results = train_samples(ctx, dit_, samples, windows, tape_, on_part);
        samples_ += static_cast<int64_t>(samples.size());
        return results;
    } catch (...) {  // part of its gradients may have been added
        tape_.clear();
        samples_ = 0;
        for (nn::Param* param : trained_params(dit_)) fill_zero(ctx, param->grad);
        throw;
    }
}

AdamW::Result Trainer::update(Context& ctx, double rate) {
    require(samples_ > 0, "train: an update without a sample");
    return optimizer_.step(ctx, trained_params(dit_), rate, std::exchange(samples_, 0));
}

Work StepPlan::total() const {
    Work sum = forward;
    sum += backward;
    sum += update;
    return sum;
}

StepPlan plan_step(const models::WanDit& dit, const t3::WindowLayout& layout, const Shape& latent, int64_t text_rows,
                   int64_t padding, const TrainOptions& options, const plan::Machine& machine, int64_t samples) {
    Context ctx = make_meta_context(machine.compute_type, machine.device);
    Trainer trainer(ctx, dit, options);
    const t3::LayoutWindows windows(ctx, layout, samples);
    std::vector<Sample> all(static_cast<size_t>(samples));
    for (Sample& sample : all) {
        sample.latents = empty(ctx, latent);
        sample.noise = empty(ctx, latent);
        sample.text = {empty(ctx, {text_rows, dit.config().text_dim}), padding};
    }
    StepPlan plan;
    Work before = ctx.work();
    const auto take = [&] { return std::exchange(before, ctx.work()); };
    trainer.add(ctx, all, windows, [&](std::string_view part) {
        const Work start = take();
        (part == "forward" ? plan.forward : plan.backward) = ctx.work() - start;
    });
    take();
    trainer.update(ctx, 0);
    plan.update = ctx.work() - before;
    plan.bytes = ctx.allocator().peak();
    plan.host_bytes = ctx.allocator().pinned_peak();
    return plan;
}

}  // namespace t3video::training
