// Encoder of the small autoencoders.
#include "models/small_vae/encoder.h"

namespace t3video::models {

SmallEncoder::SmallEncoder(const SmallVaeConfig& c)
    : first(Shape{c.encoder[0], c.frame_channels(), 3, 3}, true),
      last(Shape{c.z, c.encoder[SmallVaeConfig::kStages], 3, 3}, true) {
    for (size_t k = 0; k < stages.size(); ++k) {
        const int64_t in = c.encoder[k], out = c.encoder[k + 1];
        stages[k] = {Conv(Shape{out, in, SmallVaeConfig::kPooling[k], 3, 3}, false),
                     BlockRow(out, SmallVaeConfig::kBlocks, false)};
        stages[k].pool.stride = 2;
    }
}

SmallEncoder::History SmallEncoder::start(Context& ctx, int64_t height, int64_t width) const {
    History history;
    int64_t frames = SmallVaeConfig::kFrames;
    for (size_t k = 0; k < stages.size(); ++k) {
        frames /= SmallVaeConfig::kPooling[k];
        history.stages[k] = stages[k].blocks.start(ctx, frames, height >> (k + 1), width >> (k + 1));
    }
    return history;
}

Tensor SmallEncoder::forward(Context& ctx, const Tensor& frames, History& history) const {
    Tensor x = first.forward(ctx, frames, true);
    for (size_t k = 0; k < stages.size(); ++k) {
        const int64_t pooled = SmallVaeConfig::kPooling[k];
        Tensor to = history.stages[k].next(x.dim(0) / pooled);
        stages[k].pool.forward_into(ctx, x, false, nullptr, to, pooled);
        x = stages[k].blocks.forward(ctx, history.stages[k]);
    }
    return last.forward(ctx, x, false);
}

}  // namespace t3video::models
