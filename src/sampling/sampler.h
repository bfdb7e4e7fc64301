// The loop that every solver runs in: ask the network, take a step, tell the observer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sampling/schedule.h"
#include "tensor/tensor.h"

namespace t3video::sampling {

// The network: velocity noise - x0 at sample x and time t (0 .. 1000), of x's shape, f32.
using Denoiser = std::function<Tensor(const Tensor& x, double timestep)>;

// The whole state of a run between two steps: sampling from a saved state goes on as if it had never stopped.
struct SampleState {
    int64_t step = 0;             // steps done
    Tensor x;                     // the sample after them, f32, at noise level sigmas[step]
    std::vector<Tensor> history;  // what the solver remembers of earlier steps, see its header; empty at the start.
                                  // If it is empty later on, a multistep solver starts again at order 1.
    std::map<std::string, Tensor> further =
        {};  // what others remember from step to step, such as a cache, by name, f32
};

// Called after each step with that many steps done. It may replace or write state.x (image conditioning sets the first
// frame again) and state.further, and may keep copies of the tensors; the rest of the state is for reading.
using StepObserver = std::function<void(SampleState& state)>;

// Standard normals of the sample's shape, f32, where the context computes: those that the generator of the run's noise
// makes at its `draw`-th call. Draw 0 is the noise that a run starts with; step i takes draw i + 1, so that a run that
// goes on from a saved state draws the same.
using NoiseDraws = std::function<Tensor(int64_t draw)>;

// Advances state.x from noise level sigmas[state.step] to the next, along `velocity`, and updates state.history;
// state.step is the loop's.
using SolverStep = std::function<void(SampleState& state, const Tensor& velocity)>;

// Runs the steps from start.step to the end; returns the clean sample. Throws Error for a state that does not fit.
Tensor run_steps(const Denoiser& denoiser, SampleState start, const Schedule& schedule, const SolverStep& step,
                 const StepObserver& observer);

}  // namespace t3video::sampling
