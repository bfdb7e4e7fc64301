// From noise to a clean latent under the guidance of a prompt.
#pragma once

#include <functional>

#include "film/film.h"
#include "job/job.h"
#include "sampling/solver.h"
#include "session/step_cache.h"

namespace t3video::session {

// Standard normals [shape] as torch.randn makes them from `seed` on the CPU, or on a GPU with `multiprocessors`, when
// it is called for the `draw`-th time, from 0, for that shape.
Tensor make_noise(Context& ctx, const Shape& shape, uint64_t seed, film::NoiseSource source, int multiprocessors,
                  int64_t draw = 0);

// What sampling from a video starts with: (1 - sigma) * latent + sigma * noise.
Tensor noised(Context& ctx, const Tensor& latent, const Tensor& noise, double sigma);

// A transformer whose weights are where the context computes, and prompts as it sees them.
struct Guidance {
    const models::WanDit& dit;
    const models::TextContext* positive = nullptr;
    const models::TextContext* negative = nullptr;  // null only at scale 1
    double scale = 1.0;
};

// Gives what a step from noise level sigma asks. The reference is valid until the next call.
using GuidanceAt = std::function<Guidance(double sigma)>;

struct DenoiseOptions {
    bool together = false;  // both branches of guidance cross the layers in one walk: WanDit::forward
    // Undefined, or the latent [channels, 1, rows, columns] that frame 0 is held at: set before the first step and
    // after each, its tokens at timestep 0.
    Tensor first_frame = {};
    PassPlan passes = {};  // of the schedule's steps; must be there where the film has a cache or an interval
    sampling::StepObserver observer = {};
    sampling::NoiseDraws noise = {};  // for solvers that ask for it
};

// Runs the steps of `schedule` from `start`, whose x is [channels, T, rows, columns].
Tensor denoise(Context& ctx, const GuidanceAt& guidance, const t3::LayoutWindows& windows,
               const sampling::Solver& solver, const sampling::Schedule& schedule, sampling::SampleState start,
               const DenoiseOptions& options = {});

// The schedule of the film's solver.
sampling::Schedule schedule_of(const film::Film& film);

// Transformers of a film, prepared one at a time: noise falls from step to step, so that each has one turn.
struct ExpertsInTurn {
    std::span<const film::Expert> experts = {};  // empty: one for every noise level
    // Gives the transformer of this number, where the context computes; valid until the next call.
    std::function<const models::WanDit&(size_t)> dit;
};

// Runs the steps of `schedule` from `start` under the film's guidance. -> [channels, T, rows, columns]. Embeddings are
// in host memory or on the device.
Tensor denoise_film(Context& ctx, const ExpertsInTurn& experts, const film::Film& film,
                    const job::Embeddings& embeddings, const sampling::Schedule& schedule, sampling::SampleState start,
                    const DenoiseOptions& options = {});

}  // namespace t3video::session
