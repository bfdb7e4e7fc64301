// A training step of samples.
#include "training/step.h"

#include "ops/loss.h"

namespace t3video::training {

StepResult train_sample(Context& ctx, const models::WanDit& dit, const Sample& sample, const t3::LayoutWindows& windows,
                        models::DitTape& tape, const OnPart& on_part) {
    return train_samples(ctx, dit, {&sample, 1}, windows, tape, on_part).front();
}

std::vector<StepResult> train_samples(Context& ctx, const models::WanDit& dit, std::span<const Sample> samples,
                                      const t3::LayoutWindows& windows, models::DitTape& tape, const OnPart& on_part) {
    check(samples);
    std::vector<models::DitSample> inputs;
    std::vector<ops::LossOptions> options;
    for (const Sample& s : samples) {
        inputs.push_back({s.timestep, s.text, s.conditioning()});
        options.push_back({s.conditioning().clean_frames, static_cast<float>(s.weight)});
    }
    const Tensor velocities = dit.forward(ctx, noisy(ctx, samples), inputs, windows, tape);
    if (on_part) on_part("forward");
    const ops::Losses losses = ops::squared_errors(ctx, velocities, target(ctx, samples), options);
    dit.backward(ctx, losses.gradient, windows, tape);
    if (on_part) on_part("backward");
    std::vector<StepResult> results;
    for (size_t i = 0; i < samples.size(); ++i) {
        const auto at = static_cast<int64_t>(i);
        const Shape velocity(velocities.shape().dims().subspan(1));
        results.push_back({losses.values[i], velocities.slice(at, at + 1).reshape(velocity)});
    }
    return results;
}

models::DitTape make_tape(const Context& ctx, nn::StreamPlace place, bool deterministic) {
    return make_tape(ctx.compute_type(), place, deterministic);
}

models::DitTape make_tape(DType stream, nn::StreamPlace place, bool deterministic) {
    return {.streams = nn::StreamStore(stream, place), .deterministic = deterministic};
}

}  // namespace t3video::training
