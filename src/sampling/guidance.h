// Classifier-free guidance.
#pragma once

#include <span>
#include <vector>

#include "sampling/sampler.h"

namespace t3video::sampling {

enum class Branch { positive, negative };  // under the prompt, under the negative prompt

// The network at sample x and time t (0 .. 1000): the velocity of each of these branches, in their order.
using BranchDenoiser = std::function<std::vector<Tensor>(std::span<const Branch>, const Tensor& x, double timestep)>;

// v_neg + scale*(v_pos - v_neg). The network is asked for both branches in one call where they are to run `together`,
// else for the positive one and then the other. At scale exactly 1 the result is the positive velocity itself, and no
// other is asked for. `ctx` must outlive the result. Throws InvalidRequest for a scale that is negative or not finite.
Denoiser guided(Context& ctx, BranchDenoiser network, double scale, bool together = false);

}  // namespace t3video::sampling
