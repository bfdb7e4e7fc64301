// Small autoencoders: loading, the scale of latents, bands, and the frames that pass through the halves at a time.
#include "models/small_vae/small_vae.h"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "core/error.h"
#include "models/small_vae/weights.h"
#include "models/video_axes.h"
#include "models/wan_vae/latent_stats.h"
#include "ops/convert.h"
#include "ops/elementwise.h"
#include "ops/resample.h"
#include "tensor/frame_rows.h"
#include "tensor/repeat.h"

namespace t3video::models {
namespace {

constexpr float kBound = 3;  // of latents, soft, in front of plain decoders

// x * scale[c] + shift[c], x f32 with its channels last.
Tensor scaled(Context& ctx, const Tensor& x, std::span<const float> scale, std::span<const float> shift) {
    const Shape channels{static_cast<int64_t>(scale.size())};
    return ops::affine(ctx, x, from_span(ctx, scale, channels), from_span(ctx, shift, channels));
}

// Rows [first, last) of every frame.
Tensor rows_of(Context& ctx, const Tensor& x, const RowRange& rows) {
    if (rows.count() == x.dim(1)) return x;
    std::vector<Tensor> frames;
    for (int64_t t = 0; t < x.dim(0); ++t) frames.push_back(frame_rows(x.slice(t, t + 1), rows.first, rows.last));
    return ops::concat(ctx, frames);
}

}  // namespace

bool is_small_vae(const std::filesystem::path& file) {
    return checkpoint::open_tensors(file).contains("decoder.22.weight");
}

LatentScale latent_scale_of(const std::filesystem::path& file) {
    std::string name = file.filename().string();
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name.find("lighttae") != std::string::npos ? LatentScale::raw : LatentScale::normalised;
}

SmallVae SmallVae::load(const std::filesystem::path& file, std::optional<LatentScale> scale, checkpoint::Notes* notes) {
    const checkpoint::TensorSource source = checkpoint::open_tensors(file);
    if (notes) notes->insert(notes->end(), source.notes.begin(), source.notes.end());
    TensorShapes shapes;
    for (const auto& [name, stored] : source.tensors) shapes.emplace(name, stored.tensor.shape());
    require_valid(!shapes.contains("decoder.conv1.weight") && !shapes.contains("decoder.conv_in.weight"), file.string(),
                  ": is a VAE, not a small decoder; it is given as ", Field("vae"));
    SmallVae vae(infer_small_vae_config(shapes, file), scale.value_or(latent_scale_of(file)));
    fill_small_vae(vae.config_, source, vae.decoder_, vae.encoder_ ? &*vae.encoder_ : nullptr);
    require_valid(vae.scale_ == LatentScale::normalised || !latent_stats(vae.config_.z).mean.empty(), file.string(),
                  ": has ", vae.config_.z, " latent channels; raw latents are known of 16 (Wan2.1) and 48 (Wan2.2)");
    return vae;
}

SmallVae::SmallVae(const SmallVaeConfig& config, LatentScale scale) : config_(config), scale_(scale), decoder_(config) {
    if (config.encodes()) encoder_.emplace(config);
}

void SmallVae::prepare_layers(Context& ctx, nn::Residency residency, WanVae::Half half) {
    require(residency != nn::Residency::streamed, "a small decoder's weights are not streamed");
    if (residency != nn::Residency::packed) return;
    const auto pack = [&](const std::string&, nn::Param& param) {
        if (param.role == nn::Role::convolution || param.role == nn::Role::upsampling)
            nn::prepare(ctx, param, ops::Uses::many);
    };
    if (half == WanVae::Half::decoder) decoder_.for_each_param("", pack);
    if (half == WanVae::Half::encoder && encoder_) encoder_->for_each_param("", pack);
}

void SmallVae::decode(Context& ctx, const Tensor& latent, const BandSink& sink, const DecodeOptions& options) const {
    require_valid(latent.rank() == 4 && latent.dim(0) == config_.z && latent.numel() > 0, "latent ", latent.shape(),
                  ": the small decoder takes [", config_.z, ", frames, rows, columns]");
    require(options.band_rows >= 0, "bands of ", options.band_rows, " rows");
    Tensor x = channels_last(ctx, latent);
    if (const auto [mean, deviation] = latent_stats(config_.z); scale_ == LatentScale::raw)
        x = scaled(ctx, x, deviation, mean);
    if (!config_.wide_kernels) x = ops::soft_clamp(ctx, x, kBound);
    x = ops::convert(ctx, x, ctx.compute_type());

    const int64_t rows = x.dim(1), cell = config_.cell(), reach = decoder_.reach();
    const int64_t height = options.band_rows == 0 ? rows : std::min(rows, (options.band_rows + cell - 1) / cell);
    // Every band is decoded in a window of the same height: what memory and libraries prepare for one serves them all.
    const int64_t window = std::min(height + 2 * reach, rows);
    repeat(ctx, (rows + height - 1) / height, [&](int64_t i) {
        const RowRange band{i * height, std::min((i + 1) * height, rows)};
        const int64_t begin = std::clamp<int64_t>(band.first - reach, 0, rows - window);
        const RowRange around{begin, begin + window};
        const int64_t first = (band.first - around.first) * cell, last = (band.last - around.first) * cell;
        int64_t frame = 0;
        decoder_.forward(ctx, rows_of(ctx, x, around), [&](const Tensor& pixels) {
            sink(frame_rows(pixels, first, last), frame++, band.first * cell);
        });
    });
}

Tensor SmallVae::encode(Context& ctx, int64_t frames, int64_t height, int64_t width, const FrameSource& source) const {
    const int64_t cell = config_.cell(), step = SmallVaeConfig::kFrames, count = (frames + step - 1) / step;
    require_valid(encoder_.has_value(), "the small autoencoder's file holds a decoder alone");
    require_valid(frames >= 1 && height >= 1 && width >= 1 && height % cell == 0 && width % cell == 0,
                  "the small encoder needs a frame or more, and sides that ", cell, " divides, found ", frames, " of ",
                  width, "x", height);
    SmallEncoder::History history = encoder_->start(ctx, height / config_.patch, width / config_.patch);
    const std::vector<float> half(3, 0.5f);
    Tensor latents = empty(ctx, {count, height / cell, width / cell, config_.z});
    repeat(ctx, count, [&](int64_t i) {
        const int64_t first = i * step, there = std::min(step, frames - first);
        Tensor chunk = to_device(ctx, source(first, there));
        if (there < step) {
            std::vector<Tensor> parts{chunk};
            parts.resize(static_cast<size_t>(1 + step - there), chunk.slice(there - 1, there));
            chunk = ops::concat(ctx, parts);
        }
        Tensor x = ops::convert(ctx, scaled(ctx, chunk, half, half), ctx.compute_type());
        if (config_.patch == 2) x = ops::fold_pixels(ctx, x);
        Tensor place = latents.slice(i, i + 1);
        copy_into(ctx, place, ops::convert(ctx, encoder_->forward(ctx, x, history), DType::f32));
    });
    if (scale_ == LatentScale::raw) {
        const auto [mean, deviation] = latent_stats(config_.z);
        std::vector<float> scale, shift;
        for (size_t c = 0; c < mean.size(); ++c) {
            scale.push_back(1.0f / deviation[c]);
            shift.push_back(-mean[c] / deviation[c]);
        }
        latents = scaled(ctx, latents, scale, shift);
    }
    return channels_first(ctx, latents);
}

}  // namespace t3video::models
