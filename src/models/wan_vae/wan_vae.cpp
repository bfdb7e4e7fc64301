// The Wan VAEs: loading, normalisation, and the chunks that videos pass through the two halves in.
#include "models/wan_vae/wan_vae.h"

#include <algorithm>
#include <utility>

#include "checkpoint/load.h"
#include "checkpoint/single_file.h"
#include "models/video_axes.h"
#include "models/wan_vae/names.h"
#include "ops/convert.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "tensor/repeat.h"

namespace t3video::models {
namespace {

// Small frames are encoded several latent frames at a time, so that rearranging weights that are not prepared
// does not dominate; at most this many latent pixels, because the first layers hold every frame of the chunk (64 or 256
// pixels each).
constexpr int64_t kLatentPixelsPerChunk = 2048;

checkpoint::TensorSource open_official(const std::filesystem::path& file, checkpoint::Notes* notes) {
    checkpoint::TensorSource source = checkpoint::open_network(file, checkpoint::Network::vae, notes);
    const HasTensor has = [&](const std::string& name) { return source.contains(name); };
    if (!is_diffusers_vae(has)) return source;
    const VaeVersion version = diffusers_vae_version(has);
    return checkpoint::rename(std::move(source),
                              [=](const std::string& name) { return official_vae_name(name, version); });
}

int64_t round_down(int64_t value, int64_t step) {
    return std::max(value / step * step, step);
}

void check_video(const VaeConfig& config, int64_t frames, int64_t height, int64_t width) {
    const int64_t step = config.stride_t(), cell = config.stride_hw();
    require_valid(frames >= 1 && (frames - 1) % step == 0, "the VAE encodes 1 + ", step, "k frames, found ", frames,
                  frames >= 1
                      ? concat("; use ", 1 + (frames - 1) / step * step, " or ", 1 + (frames - 1) / step * step + step)
                      : "");
    require_valid(height >= 1 && width >= 1 && height % cell == 0 && width % cell == 0, "the VAE needs sides that ",
                  cell, " divides, found ", width, "x", height, "; use ", round_down(width, cell), "x",
                  round_down(height, cell));
}

}  // namespace

WanVae WanVae::load(const std::filesystem::path& file, checkpoint::Notes* notes) {
    const checkpoint::TensorSource source = open_official(file, notes);
    TensorShapes shapes;
    for (const auto& [name, stored] : source.tensors) shapes.emplace(name, stored.tensor.shape());
    WanVae vae(infer_vae_config(shapes, file));
    checkpoint::load_params(vae, source);
    return vae;
}

WanVae::WanVae(const VaeConfig& config)
    : config_(config),
      encoder_(config),
      quant_(2 * config.z, 2 * config.z, {1, 1, 1}),
      post_quant_(config.z, config.z, {1, 1, 1}),
      decoder_(config) {}

int64_t WanVae::parameters() {
    int64_t count = 0;
    for_each_param("", [&](const std::string&, const nn::Param& param) { count += param.shape.numel(); });
    return count;
}

void WanVae::prepare_layers(Context& ctx, nn::Residency residency, Half half) {
    require(residency != nn::Residency::streamed, "the VAE's weights are not streamed");
    if (residency != nn::Residency::packed) return;
    const auto pack = [&](const std::string&, nn::Param& param) {
        if (param.role == nn::Role::convolution || param.role == nn::Role::upsampling)
            nn::prepare(ctx, param, ops::Uses::many);
    };
    if (half == Half::encoder) {
        encoder_.for_each_param("", pack);
        quant_.for_each_param("", pack);
    } else {
        post_quant_.for_each_param("", pack);
        decoder_.for_each_param("", pack);
    }
}

LatentStats WanVae::stats() const {
    const LatentStats stats = latent_stats(config_.z);
    require_valid(!stats.mean.empty(), "the VAE has ", config_.z,
                  " latent channels; their statistics are known for 16 (Wan2.1) and 48 (Wan2.2)");
    return stats;
}

void WanVae::decode(Context& ctx, const Tensor& latent, const BandSink& sink, const DecodeOptions& options) const {
    require_valid(latent.rank() == 4 && latent.dim(0) == config_.z && latent.numel() > 0, "latent ", latent.shape(),
                  ": the VAE decodes [", config_.z, ", frames, rows, columns]");
    const auto [mean, deviation] = stats();
    Tensor x = channels_last(ctx, latent);
    x = ops::affine(ctx, x, from_span(ctx, deviation, {config_.z}), from_span(ctx, mean, {config_.z}));
    x = post_quant_.forward(ctx, ops::convert(ctx, x, ctx.compute_type()));
    const std::vector<Band> bands = bands_of(decoder_.halo(), latent.dim(2), options.band_rows);
    if (bands.size() > 1) return decoder_.forward(ctx, x, bands, sink);
    Decoder::History history;
    int64_t first = 0;
    decoder_.forward(ctx, x, history, [&](const Tensor& frames) {
        sink(frames, first, 0);
        first += frames.dim(0);
    });
}

Tensor WanVae::encode(Context& ctx, const Tensor& video) const {
    require_valid(video.rank() == 4 && video.dim(3) == 3, "video ", video.shape(),
                  ": the VAE encodes [frames, H, W, 3]");
    return encode(ctx, video.dim(0), video.dim(1), video.dim(2),
                  [&](int64_t first, int64_t count) { return video.slice(first, first + count); });
}

Tensor WanVae::encode(Context& ctx, int64_t frames, int64_t height, int64_t width, const FrameSource& source) const {
    check_video(config_, frames, height, width);
    const auto [mean, deviation] = stats();
    std::vector<float> scale, shift;
    for (size_t c = 0; c < mean.size(); ++c) {
        scale.push_back(1.0f / deviation[c]);
        shift.push_back(-mean[c] / deviation[c]);
    }
    const Tensor scales = from_span(ctx, scale, {config_.z}), shifts = from_span(ctx, shift, {config_.z});
    const int64_t rows = height / config_.stride_hw(), columns = width / config_.stride_hw();
    const int64_t later = config_.stride_t() * std::max<int64_t>(1, kLatentPixelsPerChunk / (rows * columns));

    const int64_t step = config_.stride_t(), latent_frames = 1 + (frames - 1) / step, pixels = rows * columns;
    Tensor latents = empty(ctx, {latent_frames, pixels, config_.z});
    Encoder::History history;
    // The first frame alone, then `later` at a time.
    repeat(ctx, 1 + (frames - 1 + later - 1) / later, [&](int64_t i) {
        const int64_t first = i == 0 ? 0 : 1 + (i - 1) * later, count = i == 0 ? 1 : std::min(later, frames - first);
        const Tensor chunk = source(first, count);
        require(chunk.shape() == Shape{count, height, width, 3}, "encode: frames ", chunk.shape(), ", asked for ",
                count, " of ", width, "x", height);
        Tensor x = ops::convert(ctx, to_device(ctx, chunk), ctx.compute_type());
        x = ops::convert(ctx, quant_.forward(ctx, encoder_.forward(ctx, x, history)), DType::f32);
        x = ops::columns(ctx, x.reshape({x.numel() / x.dim(3), x.dim(3)}), 0, config_.z);
        Tensor place = latents.slice((first + step - 1) / step, (first + count - 1) / step + 1);
        copy_into(ctx, place, ops::affine(ctx, x, scales, shifts));
    });
    return channels_first(ctx, latents.reshape({latent_frames, rows, columns, config_.z}));
}

}  // namespace t3video::models
