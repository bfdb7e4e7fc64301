// Decoder of the small autoencoders. Each stage hands its frames on as soon as the next one can use them, so that of
// the largest size one exists at a time.
#include "models/small_vae/decoder.h"

#include <algorithm>

#include "ops/resample.h"
#include "tensor/repeat.h"

namespace t3video::models {
namespace {

constexpr size_t kLastStage = SmallVaeConfig::kStages - 1;

}  // namespace

GrowStage::GrowStage(const SmallVaeConfig& c, size_t stage)
    : blocks(c.decoder[stage], SmallVaeConfig::kBlocks, c.wide_kernels) {
    const int64_t in = c.decoder[stage], out = c.decoder[stage + 1];
    if (c.wide_kernels) widen.emplace(Shape{4 * out, in, 3, 3}, true);
    for (int64_t i = 0; i < SmallVaeConfig::kGrowth[stage]; ++i) {
        if (!c.wide_kernels) {
            frames.emplace_back(Shape{out, in, 3, 3}, false, nn::Role::upsampling);
        } else if (stage < kLastStage) {
            frames.emplace_back(Shape{out, out, 1, 1}, false);
        } else {
            frames.emplace_back(Shape{c.frame_channels(), out, 3, 3}, true);
        }
    }
}

Tensor GrowStage::grown(Context& ctx, const Tensor& x) const {
    return widen ? ops::unfold_pixels(ctx, widen->forward(ctx, x, true)) : x;
}

void GrowStage::frame_into(Context& ctx, const Tensor& x, size_t index, bool relu, Tensor& y) const {
    const Conv& conv = frames[index];
    widen ? conv.forward_into(ctx, x, relu, nullptr, y) : conv.upsample_into(ctx, x, relu, y);
}

SmallDecoder::SmallDecoder(const SmallVaeConfig& config)
    : first(config.wide_kernels ? Shape{config.decoder[0], config.z, 1, 1} : Shape{config.decoder[0], config.z, 3, 3},
            !config.wide_kernels),
      config_(config) {
    for (size_t k = 0; k < stages.size(); ++k) stages[k] = GrowStage(config, k);
    if (!config.wide_kernels) last.emplace(Shape{config.frame_channels(), config.decoder[kLastStage + 1], 3, 3}, true);
}

int64_t SmallDecoder::reach() const {
    // In eighths of a row of the latent, which the last stage's doubled rows are. A block reaches 3 rows of its size.
    int64_t reach = first.weight.shape[2] / 2 * 8 + 1;
    for (const int64_t row : {8, 4, 2}) {
        reach += 3 * SmallVaeConfig::kBlocks * row;
        reach += config_.wide_kernels ? row : row / 2;  // the kernels that double the size
    }
    return (reach + 7) / 8;
}

void SmallDecoder::forward(Context& ctx, const Tensor& latent, const FrameSink& sink) const {
    const int64_t count = latent.dim(0), h = latent.dim(1), w = latent.dim(2);
    Run run{.stages = {}, .made = 0, .sink = sink};
    int64_t frames = count;
    for (size_t k = 0; k < stages.size(); ++k) {
        const int64_t rows = h << k, columns = w << k;
        const int64_t capacity = std::min(frames_at_once(ctx.target(), rows, columns), frames);
        run.stages[k] = stages[k].blocks.start(ctx, capacity, rows, columns);
        frames *= SmallVaeConfig::kGrowth[k];
    }
    const int64_t step = run.stages[0].capacity();
    repeat(ctx, (count + step - 1) / step, [&](int64_t i) {
        const int64_t begin = i * step, end = std::min(begin + step, count);
        Tensor to = run.stages[0].next(end - begin);
        first.forward_into(ctx, latent.slice(begin, end), !config_.wide_kernels, nullptr, to);
        run_from(ctx, 0, run);
    });
}

void SmallDecoder::run_from(Context& ctx, size_t k, Run& run) const {
    const GrowStage& stage = stages[k];
    const Tensor y = stage.blocks.forward(ctx, run.stages[k]);
    const bool is_last = k == kLastStage;
    // Frames that one kernel makes lie one behind another only where there is no other kernel.
    const bool many = stage.frames.size() == 1 && !is_last;
    for (int64_t t = 0; t < y.dim(0);) {
        BlockRow::History* const next = is_last ? nullptr : &run.stages[k + 1];
        const int64_t count = many ? std::min(y.dim(0) - t, next->capacity() - next->filled) : 1;
        const Tensor x = stage.grown(ctx, y.slice(t, t + count));
        for (size_t i = 0; i < stage.frames.size(); ++i) {
            if (is_last) {
                if (run.made++ < SmallVaeConfig::kFrames - 1) continue;
                const int64_t scale = stage.widen ? 1 : 2;
                Tensor frame =
                    empty(ctx, {1, scale * x.dim(1), scale * x.dim(2), stage.frames[i].weight.shape[0]}, x.dtype());
                stage.frame_into(ctx, x, i, last.has_value(), frame);
                finish(ctx, frame, run);
                continue;
            }
            Tensor to = next->next(count);
            stage.frame_into(ctx, x, i, false, to);
            if (next->filled == next->capacity()) run_from(ctx, k + 1, run);
        }
        t += count;
    }
    if (!is_last && run.stages[k + 1].filled > 0) run_from(ctx, k + 1, run);
}

void SmallDecoder::finish(Context& ctx, const Tensor& x, Run& run) const {
    const Tensor pixels = last ? last->forward(ctx, x, false) : x;
    run.sink(config_.patch == 2 ? ops::unfold_pixels(ctx, pixels) : pixels);
}

}  // namespace t3video::models
