// Video to latent: the encoder of a small autoencoder.
#pragma once

#include <array>

#include "models/small_vae/blocks.h"
#include "models/small_vae/config.h"

namespace t3video::models {

// Half the resolution, one frame of one or two, then blocks.
struct PoolStage {
    Conv pool;  // [C', C, frames, 3, 3], stride 2: the frames' channels side by side through a 1x1 kernel, then a 3x3
                // one
    BlockRow blocks;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        pool.for_each_param(prefix + "pool.", visit);
        blocks.for_each_param(prefix + "blocks.", visit);
    }
};

struct SmallEncoder {
    Conv first, last;
    std::array<PoolStage, SmallVaeConfig::kStages> stages;

    struct History {
        std::array<BlockRow::History, SmallVaeConfig::kStages> stages;
    };

    SmallEncoder() = default;
    explicit SmallEncoder(const SmallVaeConfig& config);

    // Of frames of height x width pixels as the network sees them.
    History start(Context& ctx, int64_t height, int64_t width) const;
    // frames: [4, H, W, 3*patch^2] in 0..1, the next of a video -> [1, H/8, W/8, z].
    Tensor forward(Context& ctx, const Tensor& frames, History& history) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        first.for_each_param(prefix + "first.", visit);
        for (size_t k = 0; k < stages.size(); ++k) stages[k].for_each_param(prefix + std::to_string(k) + ".", visit);
        last.for_each_param(prefix + "last.", visit);
    }
};

}  // namespace t3video::models
