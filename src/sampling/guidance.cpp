// Classifier-free guidance.
#include "sampling/guidance.h"

#include <cmath>

#include "core/error.h"
#include "ops/elementwise.h"

namespace t3video::sampling {

Denoiser guided(Context& ctx, BranchDenoiser network, double scale, bool together) {
    require_valid(std::isfinite(scale) && scale >= 0.0, "cfg: found ", scale, ", expected a number of at least 0");
    require(network != nullptr, "guided: the network is empty");
    return [&ctx, network = std::move(network), scale, together](const Tensor& x, double timestep) {
        constexpr Branch kBoth[] = {Branch::positive, Branch::negative};
        const auto ask = [&](std::span<const Branch> branches) {
            std::vector<Tensor> velocities = network(branches, x, timestep);
            require(velocities.size() == branches.size(), "guided: ", velocities.size(), " velocities of ",
                    branches.size(), " branches");
            return velocities;
        };
        const std::span<const Branch> both(kBoth);
        std::vector<Tensor> velocities = ask(together && scale != 1.0 ? both : both.first(1));
        if (scale == 1.0) return velocities[0];
        if (!together) velocities.push_back(ask(both.last(1))[0]);
        const Tensor &with_prompt = velocities[0], &without = velocities[1];
        const Tensor difference = ops::axpby(ctx, 1.0f, with_prompt, -1.0f, without);
        return ops::axpby(ctx, 1.0f, without, static_cast<float>(scale), difference);
    };
}

}  // namespace t3video::sampling
