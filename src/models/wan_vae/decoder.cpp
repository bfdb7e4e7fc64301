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
    if (!shortcut) return y;
    return ops::add_duplicate_up(ctx, y, x, up->time_conv ? 2 : 1, 2);
}

Decoder::Decoder(const VaeConfig& config)
    : config_(config),
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
    const Band whole = bands_of(config_, latent.dim(1), 0).front();
    for_slices(ctx, 0, latent,
               [&](const Tensor& part) { run_from(ctx, 0, middle(ctx, part, stream), stream, whole, sink); });
}

void Decoder::forward(Context& ctx, const Tensor& latent, std::span<const Band> bands, const BandSink& sink) const {
    std::vector<Tensor> parts;
    {
        Stream stream;
        for_slices(ctx, 0, latent, [&](const Tensor& part) { parts.push_back(middle(ctx, part, stream)); });
    }
    for (const Band& band : bands) {
        Stream stream;
        stream.stages.resize(stages_.size());
        int64_t first_frame = 0;
        for (const Tensor& part : parts) {
            run_from(ctx, 0, part, stream, band, [&](const Tensor& frames) {
                sink(frames, first_frame, band.video.first);
                first_frame += frames.dim(0);
            });
        }
    }
}

Tensor Decoder::middle(Context& ctx, const Tensor& latent, Stream& stream) const {
    return middle_.forward(ctx, conv1_.forward(ctx, latent, &stream.conv1), stream.middle);
}

void Decoder::run_from(Context& ctx, size_t index, Tensor x, Stream& stream, const Band& band,
                       const FrameSink& sink) const {
    const BandLevel& level = band.levels[index];
    const auto cut = [&](const Tensor& frames) {
        return rows_of(ctx, frames, level.skip, level.skip + level.rows.count());
    };
    if (index == stages_.size()) {
        x = head_.forward(ctx, cut(x), stream.head);
        x = rows_of(ctx, x, band.skip, band.skip + band.video.count() / config_.patch());
        sink(config_.version == VaeVersion::wan22 ? ops::unfold_pixels(ctx, x) : x);
        return;
    }
    for_slices(ctx, index, std::move(x), [&](Tensor part) {
        part = cut(part);
        Tensor y = stages_[index].forward(ctx, std::move(part), stream.stages[index]);
        run_from(ctx, index + 1, std::move(y), stream, band, sink);
    });
}

}  // namespace t3video::models
