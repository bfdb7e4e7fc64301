// Encoder of the Wan VAEs.
#include "models/wan_vae/encoder.h"

#include <utility>

#include "models/wan_vae/slices.h"
#include "ops/resample.h"

namespace t3video::models {

DownStage::DownStage(const VaeStage& stage, int64_t in, bool with_shortcut) : shortcut(with_shortcut) {
    for (int64_t i = 0; i < stage.blocks; ++i) blocks.emplace_back(i == 0 ? in : stage.width, stage.width);
    if (stage.resample_space) down.emplace(stage.width, stage.out, stage.resample_time);
}

Tensor DownStage::forward(Context& ctx, const Tensor& x, History& history) const {
    history.blocks.resize(blocks.size());
    Tensor y = map_slices(ctx, 1, x, [&](Tensor part) {
        for (size_t i = 0; i < blocks.size(); ++i) part = blocks[i].forward(ctx, std::move(part), history.blocks[i]);
        return down ? down->space(ctx, part) : part;
    });
    if (down) y = down->time(ctx, y, history.down);
    if (!shortcut) return y;
    const bool halves_time = down && down->time_weight;
    return ops::add_average_down(ctx, y, x, halves_time ? 2 : 1, down ? 2 : 1);
}

Encoder::Encoder(const VaeConfig& config)
    : version_(config.version),
      conv1_(config.frame_channels(), config.encoder.base, {3, 3, 3}),
      middle_(config.encoder.out()),
      head_(config.encoder.out(), 2 * config.z) {
    int64_t channels = config.encoder.base;
    for (const VaeStage& stage : config.encoder.stages) {
        stages_.emplace_back(stage, channels, config.version == VaeVersion::wan22);
        channels = stage.out;
    }
}

Tensor Encoder::forward(Context& ctx, const Tensor& frames, History& history) const {
    history.stages.resize(stages_.size());
    Tensor x = version_ == VaeVersion::wan22 ? ops::fold_pixels(ctx, frames) : frames;
    x = conv1_.forward(ctx, x, &history.conv1);
    for (size_t i = 0; i < stages_.size(); ++i) x = stages_[i].forward(ctx, x, history.stages[i]);
    x = middle_.forward(ctx, std::move(x), history.middle);
    return head_.forward(ctx, x, history.head);
}

}  // namespace t3video::models
