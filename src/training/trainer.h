// A transformer in training: what of it is trained, how, and the memory that this takes.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "plan/machine.h"
#include "training/adamw.h"
#include "training/step.h"
#include "training/trained.h"

namespace t3video::training {

struct TrainOptions {
    std::optional<AdapterOptions> adapters = {};     // none: all parameters are trained
    nn::Residency frozen = nn::Residency::resident;  // where the weights of adapters' layers wait; not packed
    std::optional<DType> stream = {};                // as make_tape(); by default the context's compute type
    nn::StreamPlace streams = nn::StreamPlace::device;
    bool deterministic = false;
    AdamWOptions optimizer = {};
};

class Trainer {
  public:
    // Takes the model over, prepares it on the context's device and makes the optimiser's moments. Throws
    // InvalidRequest as train_adapters() and where memory runs out.
    Trainer(Context& ctx, models::WanDit dit, const TrainOptions& options);

    // Adds a sample's gradients. What it throws, of memory that runs out or work that is stopped, ends the step: it
    // begins anew, with no gradients of this or earlier samples.
    StepResult add(Context& ctx, const Sample& sample, const t3::LayoutWindows& windows, const OnPart& on_part = {});
    // Those of several samples of one shape in one pass, as train_samples().
    std::vector<StepResult> add(Context& ctx, std::span<const Sample> samples, const t3::LayoutWindows& windows,
                                const OnPart& on_part = {});
    // Ends a step: gradients become an update, and zero.
    AdamW::Result update(Context& ctx, double rate);

    models::WanDit& dit() { return dit_; }
    AdamW& optimizer() { return optimizer_; }
    const AdamW& optimizer() const { return optimizer_; }
    int64_t numbers() { return trained_numbers(dit_); }

  private:
    models::WanDit dit_;
    models::DitTape tape_;
    AdamW optimizer_;
    int64_t samples_ = 0;  // since the last update
};

// Before it runs: one step, on a context that counts.
struct StepPlan {
    Work forward, backward, update;
    size_t bytes = 0;       // of the device at most in use at once, as its allocator counts
    size_t host_bytes = 0;  // of pinned host memory; on the CPU it is part of `bytes`

    Work total() const;
};

// `dit`: shapes, and values that need not be read; latent: [channels, T, 2H, 2W]; text: rows of a prompt, `padding` of
// them alike (models::TextRows); `samples`: such that one pass takes together.
StepPlan plan_step(const models::WanDit& dit, const t3::WindowLayout& layout, const Shape& latent, int64_t text_rows,
                   int64_t padding, const TrainOptions& options, const plan::Machine& machine, int64_t samples = 1);

}  // namespace t3video::training
