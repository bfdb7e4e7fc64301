// A training step of samples: forward, loss and backward.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "training/sample.h"

namespace t3video::training {

struct StepResult {
    double loss = 0;  // mean squared error of the velocity, unweighted
    Tensor velocity;  // of the network, [channels, T, 2H, 2W] f32
};

// Called when a part of the step has been asked for: "forward", "backward".
using OnPart = std::function<void(const char*)>;

// Adds the gradients of sample.weight * loss to those of the trained parameters. The tape serves one step after
// another. Two runs on as many threads give the same bits, on a GPU with tape.deterministic.
StepResult train_sample(Context& ctx, const models::WanDit& dit, const Sample& sample, const t3::LayoutWindows& windows,
                        models::DitTape& tape, const OnPart& on_part = {});

// The same of several samples of one shape in one pass, with windows of as many; their gradients add up. Prompt,
// timestep, noise, weight and a clean first frame are each sample's own. One alone has the bits of train_sample.
std::vector<StepResult> train_samples(Context& ctx, const models::WanDit& dit, std::span<const Sample> samples,
                                      const t3::LayoutWindows& windows, models::DitTape& tape,
                                      const OnPart& on_part = {});

// The type that the stream is rounded to in front of each block, and that its kept copies have: by default the
// context's compute type.
models::DitTape make_tape(const Context& ctx, nn::StreamPlace place = nn::StreamPlace::device,
                          bool deterministic = false);
models::DitTape make_tape(DType stream, nn::StreamPlace place, bool deterministic);

}  // namespace t3video::training
