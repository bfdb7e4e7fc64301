// One training step of a sample.
#include "training/step.h"

#include "ops/loss.h"

namespace t3video::training {

StepResult train_sample(Context& ctx, const models::WanDit& dit, const Sample& sample, const t3::LayoutWindows& windows,
                        models::DitTape& tape, const OnPart& on_part) {
    check(sample);
    StepResult result;
    result.velocity =
        dit.forward(ctx, noisy(ctx, sample), sample.timestep, sample.text, windows, sample.conditioning(), tape);
    if (on_part) on_part("forward");
    const ops::Loss loss = ops::squared_error(ctx, result.velocity, target(ctx, sample),
                                              sample.conditioning().clean_frames, static_cast<float>(sample.weight));
    result.loss = loss.value;
    dit.backward(ctx, loss.gradient, windows, tape);
    if (on_part) on_part("backward");
    return result;
}

models::DitTape make_tape(const Context& ctx, nn::StreamPlace place, bool deterministic) {
    return make_tape(ctx.compute_type(), place, deterministic);
}

models::DitTape make_tape(DType stream, nn::StreamPlace place, bool deterministic) {
    return {.streams = nn::StreamStore(stream, place), .deterministic = deterministic};
}

}  // namespace t3video::training
