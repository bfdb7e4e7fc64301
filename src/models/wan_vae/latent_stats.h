// Mean and deviation of the latent channels that Wan's diffusion models were trained with.
#pragma once

#include <cstdint>
#include <span>

namespace t3video::models {

// latent = (encoder output - mean) / deviation, channel by channel.
struct LatentStats {
    std::span<const float> mean, deviation;  // empty for a number of channels without published values
};

LatentStats latent_stats(int64_t channels);

}  // namespace t3video::models
