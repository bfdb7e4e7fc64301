// Decoder of the Wan VAEs.
#include "models/wan_vae/decoder.h"

#include <utility>

#include "models/wan_vae/slices.h"
#include "ops/layout.h"
#include "ops/resample.h"
#include "tensor/frame_rows.h"

namespace t3video::models {
namespace {

// Rows of every frame of x [T, H, W, C]: a view where these are all, or of a single frame.
Tensor rows_of(Context& ctx, const Tensor& x, const RowRange& rows) {
    if (rows.count() == x.dim(1)) return x;
    std::vector<Tensor> frames;
    for (int64_t t = 0; t < x.dim(0); ++t) frames.push_back(frame_rows(x.slice(t, t + 1), rows.first, rows.last));
    return frames.size() == 1 ? frames[0] : ops::concat(ctx, frames);
}

}  // namespace

UpStage::UpStage(const VaeStage& stage, int64_t in, bool with_shortcut)
    : shortcut(with_shortcut && stage.resample_space) {
    for (int64_t i = 0; i < stage.blocks; ++i) blocks.emplace_back(i == 0 ? in : stage.width, stage.width);
    if (stage.resample_space) up.emplace(stage.width, stage.out, stage.resample_time);
}

nn::Halo UpStage::halo() const {
    nn::Halo halo;
    for (const ResBlock& block : blocks) halo = halo.then(block.halo());
    return up ? halo.then(up->halo()) : halo;
}

nn::BandEdges UpStage::start(const nn::BandEdges& band, History& history) const {
    history.blocks.resize(blocks.size());
    for (size_t i = 0; i < blocks.size(); ++i) blocks[i].start(band, history.blocks[i]);
    history.shortcut.start(band, halo().lag());
    return up ? up->start(band, history.up) : band;
}

Tensor UpStage::forward(Context& ctx, Tensor x, History& history) const {
    history.blocks.resize(blocks.size());
    Tensor y = shortcut ? x : std::move(x);
    for (size_t i = 0; i < blocks.size(); ++i) y = blocks[i].forward(ctx, std::move(y), history.blocks[i]);
    if (up) y = up->forward(ctx, std::move(y), history.up);
    if (!shortcut) return y;
    x = history.shortcut.extend(ctx, x);
    const int64_t above = history.shortcut.above(), first_row = above == 0 ? 0 : halo().determined(above);
    return ops::add_duplicate_up(ctx, y, x, up->time_conv ? 2 : 1, halo().scale, first_row);
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

nn::Halo Decoder::halo() const {
    nn::Halo halo;
    for (const UpStage& stage : stages_) halo = halo.then(stage.halo());
    return halo.then(head_.halo()).then({.scale = config_.patch()});
}

void Decoder::start(nn::BandEdges band, History& history) const {
    history.stages.resize(stages_.size());
    for (size_t i = 0; i < stages_.size(); ++i) band = stages_[i].start(band, history.stages[i]);
    head_.conv.start(band, history.head);
}

void Decoder::forward(Context& ctx, const Tensor& latent, History& history, const FrameSink& sink) const {
    history.stages.resize(stages_.size());
    for_slices(ctx, 0, latent,
               [&](const Tensor& part) { run_from(ctx, 0, middle(ctx, part, history), history, sink); });
}

void Decoder::forward(Context& ctx, const Tensor& latent, std::span<const Band> bands, const BandSink& sink) const {
    History history;
    const Tensor middles = map_slices(ctx, 0, latent, [&](const Tensor& part) { return middle(ctx, part, history); });
    repeat(ctx, static_cast<int64_t>(bands.size()), [&](int64_t i) {
        const Band& band = bands[static_cast<size_t>(i)];
        start({band.latent.first == 0, band.latent.last == latent.dim(1), latent.dim(0)}, history);
        int64_t first_frame = 0;
        for_slices(ctx, 0, middles, [&](const Tensor& part) {
            run_from(ctx, 0, rows_of(ctx, part, band.latent), history, [&](const Tensor& frames) {
                sink(frames, first_frame, band.video.first);
                first_frame += frames.dim(0);
            });
        });
    });
}

Tensor Decoder::middle(Context& ctx, const Tensor& latent, History& history) const {
    return middle_.forward(ctx, conv1_.forward(ctx, latent, &history.conv1), history.middle);
}

void Decoder::run_from(Context& ctx, size_t index, Tensor x, History& history, const FrameSink& sink) const {
    if (index == stages_.size()) {
        x = head_.forward(ctx, x, history.head);
        return sink(config_.version == VaeVersion::wan22 ? ops::unfold_pixels(ctx, x) : x);
    }
    for_slices(ctx, index, std::move(x), [&](Tensor part) {
        Tensor y = stages_[index].forward(ctx, std::move(part), history.stages[index]);
        run_from(ctx, index + 1, std::move(y), history, sink);
    });
}

}  // namespace t3video::models
