// A table for TeaCache and MagCache, made by films of the model itself.
#pragma once

#include <span>
#include <string>

#include "session/session.h"

namespace t3video::session {

// How what the layers add to their stream, the residual r, changes from step to step; of one film after another.
class ResidualMeter {
  public:
    // Of films with these passes.
    explicit ResidualMeter(std::vector<sampling::StepPasses> steps);

    // A pass's residual, [tokens, dim] f32.
    void add(Context& ctx, int64_t step, sampling::Branch branch, const Tensor& residual);
    // Forgets what the last film left.
    void next_film() { before_ = {}; }

    // Of a branch, for each step the mean over tokens of |r_i| / |r_(i-1)|, norms over channels, and over films; 1
    // where there is no step before. Where the negative branch never ran, the positive one's.
    std::vector<double> ratios(sampling::Branch branch) const;
    // mean|r_i - r_(i-1)| / mean|r_(i-1)|, of each film and branch, beside the step's number.
    const std::vector<std::pair<size_t, double>>& changes() const { return changes_; }

  private:
    struct Sum {
        double ratios = 0;
        int64_t films = 0;
    };
    std::vector<sampling::StepPasses> steps_;
    std::array<std::vector<Sum>, sampling::kBranches> sums_;
    std::array<Tensor, sampling::kBranches> before_;  // in host memory
    std::vector<std::pair<size_t, double>> changes_;
};

// Runs the film of each prompt, from its text to its latents, without a cache, and measures: MagCache's ratios, and the
// polynomials of degree 4 that say the change of the residual by that of the time embedding, and of its projection.
// Nothing is written. Throws as Session::make, and InvalidRequest for fewer than 8 steps.
film::CacheTable calibrate(Session& session, const film::Request& request, std::span<const std::string> prompts,
                           Observer& observer, const std::stop_token& stop = {});

}  // namespace t3video::session
