// EasyCache: how far the sample has moved, by how fast the network's answer moved with it when it was last asked.
//
// Source: H-EmbodVis, "Less is Enough: Training-Free Video Diffusion Acceleration via Runtime-Adaptive Caching"; the
// rule is spelt out in docs/caches.md. Knows samples and velocities alone: any network, any size.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sampling/cache/passes.h"

namespace t3video::sampling {

class EasyCache {
  public:
    // Steps whose positive pass is not to be computed are skipped whatever the rule says, for plans.
    EasyCache(const CacheSettings& settings, std::vector<StepPasses> steps)
        : settings_(settings), steps_(std::move(steps)) {}

    // Before a step: decides. x: what the network would receive.
    void begin(Context& ctx, int64_t step, const Tensor& x);
    // Whether this pass of the step has to be computed.
    bool computes(Branch branch) const { return computes_ || !differences_[index_of(branch)].defined(); }
    // The velocity of a pass that is not.
    Tensor skipped(Context& ctx, Branch branch, const Tensor& x) const;
    // Takes that of a pass that was.
    void computed(Context& ctx, Branch branch, const Tensor& x, const Tensor& velocity);

    // What is remembered between two steps, as names and tensors.
    void save(Context& ctx, std::map<std::string, Tensor>& further) const;
    void restore(Context& ctx, const std::map<std::string, Tensor>& further);

  private:
    void forget();

    CacheSettings settings_;
    std::vector<StepPasses> steps_;
    bool computes_ = true;
    Tensor sample_;                              // in front of the last step
    Tensor computed_sample_, velocity_;          // of the last computed positive pass
    std::optional<float> rate_;                  // mean|change of the velocity| / mean|change of the sample|, there
    float error_ = 0;                            // summed up since then
    std::array<Tensor, kBranches> differences_;  // velocity - sample of the last computed pass of each branch
};

}  // namespace t3video::sampling
