// What TeaCache and MagCache remember: of each branch what the layers added to their stream when they were last
// computed. In a skipped pass it takes their place between the embedding of the sample and the head.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sampling/cache/passes.h"

namespace t3video::sampling {

class ResidualCache {
  public:
    // `on_host`: residuals wait in pinned host memory.
    ResidualCache(std::vector<StepPasses> steps, bool on_host) : steps_(std::move(steps)), on_host_(on_host) {}

    // Before a step: lets go what no pass will take again.
    void begin(int64_t step);
    // Whether this pass of the step has to be computed: as planned, and where nothing is remembered.
    bool computes(Branch branch) const;
    // Whether the branch's next pass is a skipped one, which needs the residual of this one.
    bool is_wanted(Branch branch) const;
    void keep(Context& ctx, Branch branch, Tensor residual);
    // Where the context computes. It goes with the last skipped pass in a row.
    Tensor residual(Context& ctx, Branch branch);

    void save(std::map<std::string, Tensor>& further) const;
    void restore(Context& ctx, const std::map<std::string, Tensor>& further);

  private:
    std::vector<StepPasses> steps_;
    bool on_host_;
    size_t step_ = 0;
    std::array<Tensor, kBranches> kept_;  // as the place says
    std::array<std::shared_ptr<Storage>, kBranches> waiting_;
};

}  // namespace t3video::sampling
