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

UpStage::Stream UpStage::start() const {
    Stream stream;
    stream.blocks.resize(blocks.size());
    return stream;
}

Tensor UpStage::forward(Context& ctx, Tensor x, Stream& stream) const {
    Tensor y = shortcut ? x : std::move(x);
    for (size_t i = 0; i < blocks.size(); ++i) y = blocks[i].forward(ctx, std::move(y), stream.blocks[i]);
    if (up) y = up->forward(ctx, std::move(y), stream.up);
    if (!shortcut) return y;
    // In bands y begins 2 * lag - 1 rows above x doubled.
    const int64_t lag = 2 * static_cast<int64_t>(blocks.size()) + 1;
    x = stream.input.continued(ctx, x, lag);
    return ops::add_duplicate_up(ctx, y, x, up->time_conv ? 2 : 1, 2, stream.input.band().top ? 0 : 1);
}

void UpStage::Stream::start(const nn::BandEdges& band, int64_t frames_out) {
    for (ResBlock::Stream& block : blocks) block.start(band);
    up.start(band, frames_out);
    input.start(band);
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

Decoder::Stream Decoder::start() const {
    Stream stream;
    for (const UpStage& stage : stages_) stream.stages.push_back(stage.start());
    return stream;
}

void Decoder::forward(Context& ctx, const Tensor& latent, Stream& stream, const FrameSink& sink) const {
    for_slices(ctx, 0, latent, [&](const Tensor& part) { run_from(ctx, 0, middle(ctx, part, stream), stream, sink); });
}

void Decoder::forward(Context& ctx, const Tensor& latent, std::span<const Band> bands, const BandSink& sink) const {
    Stream stream = start();
    const Tensor middles = map_slices(ctx, 0, latent, [&](const Tensor& part) { return middle(ctx, part, stream); });
    repeat(ctx, static_cast<int64_t>(bands.size()), [&](int64_t i) {
        const Band& band = bands[static_cast<size_t>(i)];
        start({band.latent.first == 0, band.latent.last == latent.dim(1), latent.dim(0)}, stream);
        int64_t first_frame = 0;
        for_slices(ctx, 0, middles, [&](const Tensor& part) {
            run_from(ctx, 0, rows_of(ctx, part, band.latent.first, band.latent.last), stream,
                     [&](const Tensor& frames) {
                         sink(frames, first_frame, band.video.first);
                         first_frame += frames.dim(0);
                     });
        });
    });
}

void Decoder::start(const nn::BandEdges& band, Stream& stream) const {
    nn::BandEdges level = band;
    for (size_t i = 0; i < stages_.size(); ++i) {
        const int64_t frames_out = config_.decoder.stages[i].resample_time ? 2 * level.frames - 1 : level.frames;
        stream.stages[i].start(level, frames_out);
        level.frames = frames_out;
    }
    stream.head.start(level);
}

Tensor Decoder::middle(Context& ctx, const Tensor& latent, Stream& stream) const {
    return middle_.forward(ctx, conv1_.forward(ctx, latent, &stream.conv1), stream.middle);
}

void Decoder::run_from(Context& ctx, size_t index, Tensor x, Stream& stream, const FrameSink& sink) const {
    if (index == stages_.size()) {
        x = head_.forward(ctx, x, stream.head);
        return sink(config_.version == VaeVersion::wan22 ? ops::unfold_pixels(ctx, x) : x);
    }
    for_slices(ctx, index, std::move(x), [&](Tensor part) {
        Tensor y = stages_[index].forward(ctx, std::move(part), stream.stages[index]);
        run_from(ctx, index + 1, std::move(y), stream, sink);
    });
}

}  // namespace t3video::models
