// From noise to a clean latent under the guidance of a prompt.
#pragma once

#include <functional>

#include "models/wan_dit/model.h"
#include "sampling/solver.h"

namespace t3video::pipeline {

enum class NoiseSource { cpu, cuda };

// Standard normals [shape] as torch.randn makes them from `seed` on the CPU, or on a GPU with `multiprocessors`.
Tensor make_noise(Context& ctx, const Shape& shape, uint64_t seed, NoiseSource source, int multiprocessors);

// What sampling from a video starts with: (1 - sigma) * latent + sigma * noise.
Tensor noised(Context& ctx, const Tensor& latent, const Tensor& noise, double sigma);

// A transformer whose weights are where the context computes, and prompts as it sees them.
struct Guidance {
    const models::WanDit& dit;
    const models::TextContext* positive = nullptr;
    const models::TextContext* negative = nullptr;  // null only at scale 1
    double scale = 1.0;
    bool together = false;  // both branches cross the layers in one walk: WanDit::forward
};

// What a step from noise level sigma asks. What it gave before may be gone.
using GuidanceAt = std::function<Guidance(double sigma)>;

// first_frame: undefined, or the latent [channels, 1, rows, columns] that frame 0 is held at: set before the first step
// and after each, its tokens at timestep 0. `start.x`: [channels, T, rows, columns].
Tensor denoise(Context& ctx, const GuidanceAt& guidance, const t3::WindowPlan& windows, const sampling::Solver& solver,
               const sampling::Schedule& schedule, sampling::SampleState start, const Tensor& first_frame = {},
               const sampling::StepObserver& observer = {});

}  // namespace t3video::pipeline
