// Which passes of a film's steps run, and which of those are computed, as far as that is known before the run.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "sampling/cache/settings.h"
#include "tensor/tensor.h"

namespace t3video::sampling {

struct StepPasses {
    bool guided = true;  // whether the negative pass runs
    size_t expert = 0;   // the transformer of the step: what one has made is nothing to another
    // By branch. Of a pass that does not run false; with a cache that decides on its way, all that run.
    std::array<bool, kBranches> computes{true, true};

    bool runs(Branch branch) const { return branch == Branch::positive || guided; }
    bool any() const { return computes[0] || computes[1]; }
    friend bool operator==(const StepPasses&, const StepPasses&) = default;
};

// Whether anything that was made in the step before is of use in step i.
bool continues(std::span<const StepPasses> steps, size_t i);

// Every pass that runs is computed.
void compute_all(std::vector<StepPasses>& steps);
// TeaCache. changes[i]: of step i's time embedding a_i, or of its projection, mean|a_i - a_(i-1)| / mean|a_(i-1)|;
// changes[0] counts for nothing.
void plan_tea(const CacheSettings& settings, std::span<const double> changes, std::vector<StepPasses>& steps);
// MagCache. Ratios of another number of steps are taken from the nearest step of theirs.
void plan_mag(const CacheSettings& settings, std::vector<StepPasses>& steps);

// Of the steps' passes, [steps, 2] of 1 where one was computed, else 0: steps in which one was,
int64_t computed_steps(const Tensor& computed);
// and their numbers from 1 on, "1-11, 13, 50"; where the branches differ "positive 1-11, 13, 50; negative 1-12".
std::string computed_text(const Tensor& computed);

}  // namespace t3video::sampling
