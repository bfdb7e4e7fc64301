// The passes of a denoising run through a step cache: which of them are computed, and what stands in for the others.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "film/film.h"
#include "models/wan_dit/model.h"
#include "sampling/cache/easy_cache.h"
#include "sampling/cache/residual_cache.h"

namespace t3video::session {

// Is told what the layers added to the stream in a computed pass, [tokens, dim] f32, where the context computes.
using ResidualObserver = std::function<void(int64_t step, sampling::Branch branch, const Tensor& residual)>;

// What is known of all passes before the first.
struct PassPlan {
    std::vector<sampling::StepPasses> steps;  // of the whole schedule; empty: all run, are computed, and not recorded
    sampling::CacheSettings cache = {};
    bool on_host = false;   // residuals wait in host memory
    bool keep_all = false;  // residuals that nobody wants are kept as well: for plans
    ResidualObserver residuals = {};
};

// The passes of the film's steps: those without a negative one, those that TeaCache and MagCache skip. Weights of the
// transformers, in host memory, decide for TeaCache, in f32 on the CPU, so that every device skips alike; where they
// have no values, as for plans of published sizes, all passes count as computed.
std::vector<sampling::StepPasses> passes_of(const film::Film& film, std::span<const film::Expert> experts,
                                            const sampling::Schedule& schedule);

// Whether these are what will be computed: not with a cache that decides on its way, nor without those values.
bool passes_are_known(const film::Film& film, std::span<const film::Expert> experts);

// How far the time embedding of each step has moved from that of the step before, mean|a_i - a_(i-1)| / mean|a_(i-1)|,
// or its projection; 0 where the step before is of another transformer.
std::vector<double> time_changes(Context& host, std::span<const film::Expert> experts,
                                 std::span<const sampling::StepPasses> steps, const sampling::Schedule& schedule,
                                 bool projected);

// What the last state of a run keeps of `further`: its passes.
constexpr const char* kComputedPasses = "cache.computed";  // [steps done, 2], as sampling::computed_text

class StepCache {
  public:
    // Takes what an earlier run remembered out of `start`.
    StepCache(Context& ctx, PassPlan plan, sampling::SampleState& start);

    bool guided(int64_t step) const { return plan_.steps[static_cast<size_t>(step)].guided; }
    // The velocities of a step's branches, asked for together or in turns. Those of both that have to be computed cross
    // the layers in one walk.
    std::vector<Tensor> velocities(Context& ctx, int64_t step, std::span<const sampling::Branch> branches,
                                   const models::WanDit& dit, const Tensor& x, double timestep,
                                   std::span<const models::DitBranch> prompts, const t3::LayoutWindows& windows);

    // Adds what is remembered between two steps to a state, and takes it away again.
    void save(Context& ctx, sampling::SampleState& state) const;
    static void remove(sampling::SampleState& state);

  private:
    void begin(Context& ctx, int64_t step, const Tensor& x);
    bool computes(sampling::Branch branch) const;
    // left: the stream behind the layers.
    template <class Enter>
    void keep_residual(Context& ctx, sampling::Branch branch, const Tensor& left, Enter&& enter);

    PassPlan plan_;
    int64_t step_ = -1;  // that has begun
    std::optional<sampling::EasyCache> easy_;
    std::optional<sampling::ResidualCache> residuals_;
    std::vector<std::array<bool, sampling::kBranches>> computed_;  // of the steps so far
};

}  // namespace t3video::session
