// Decoder of the Wan VAEs.
#include "models/wan_vae/decoder.h"

#include <utility>

#include "models/wan_vae/slices.h"
#include "ops/resample.h"

namespace t3video::models {

UpStage::UpStage(const VaeStage& stage, int64_t in, bool with_shortcut)
    : shortcut(with_shortcut && stage.resample_space) {
    for (int64_t i = 0; i < stage.blocks; ++i) blocks.emplace_back(i == 0 ? in : stage.width, stage.width);
    if (stage.resample_space) up.emplace(stage.width, stage.out, stage.resample_time);
}

Tensor UpStage::forward(Context& ctx, Tensor x, Stream& stream) const {
    stream.blocks.resize(blocks.size());
    Tensor y = shortcut ? x : std::move(x);
    for (size_t i = 0; i < blocks.size(); ++i) y = blocks[i].forward(ctx, std::move(y), stream.blocks[i]);
    if (up) y = up->forward(ctx, std::move(y), stream.up);
    return shortcut ? ops::add_duplicate_up(ctx, y, x, up->time_conv ? 2 : 1, 2) : y;
}

Decoder::Decoder(const VaeConfig& config)
    : version_(config.version),
      conv1_(config.z, config.decoder.base, {3, 3, 3}),
      middle_(config.decoder.base),
      head_(config.decoder.out(), config.frame_channels()) {
    int64_t channels = config.decoder.base;
    for (const VaeStage& stage : config.decoder.stages) {
        stages_.emplace_back(stage, channels, config.version == VaeVersion::wan22);
        channels = stage.out;
    }
}

void Decoder::forward(Context& ctx, const Tensor& latent, Stream& stream, const FrameSink& sink) const {
    stream.stages.resize(stages_.size());
    for_slices(latent, [&](const Tensor& part) {
        Tensor x = conv1_.forward(ctx, part, &stream.conv1);
        x = middle_.forward(ctx, std::move(x), stream.middle);
        run_from(ctx, 0, std::move(x), stream, sink);
    });
}

void Decoder::run_from(Context& ctx, size_t index, Tensor x, Stream& stream, const FrameSink& sink) const {
    if (index == stages_.size()) {
        x = head_.forward(ctx, x, stream.head);
        sink(version_ == VaeVersion::wan22 ? ops::unfold_pixels(ctx, x) : x);
        return;
    }
    for_slices(std::move(x), [&](Tensor part) {
        run_from(ctx, index + 1, stages_[index].forward(ctx, std::move(part), stream.stages[index]), stream, sink);
    });
}

}  // namespace t3video::models
