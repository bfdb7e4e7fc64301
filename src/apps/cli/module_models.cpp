// Modules that run a network.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/cli/module.h"
#include "core/error.h"
#include "models/small_vae/small_vae.h"
#include "models/umt5/model.h"
#include "models/video_axes.h"
#include "models/wan_vae/wan_vae.h"
#include "ops/convert.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "session/denoise.h"
#include "session/session.h"
#include "training/step.h"
#include "training/trained.h"

namespace t3video::apps {
namespace {

using film::Part;

models::WanDit load_dit(Context& ctx, const ModuleOptions& options) {
    const auto files = options.files();
    return nn::resident(ctx, models::WanDit::load(files.need(Part::dit), files.dit_config));
}

using models::channels_first;
using models::channels_last;

// Frames as floats of 0..1.
class FrameTensors final : public session::Watch {
  public:
    void frame(const media::Image& frame) override {
        Tensor x = empty_on_host({1, 3, frame.height, frame.width});
        float* out = x.data<float>();
        for (int64_t c = 0; c < 3; ++c) {
            for (int64_t y = 0; y < frame.height; ++y) {
                for (int64_t i = 0; i < frame.width; ++i)
                    *out++ = std::clamp((frame.row<float>(y)[i * 3 + c] + 1.0f) / 2.0f, 0.0f, 1.0f);
            }
        }
        frames_.push_back(x);
    }
    // [T, 3, H, W]
    Tensor joined() const {
        Context host;
        return ops::concat(host, frames_);
    }

  private:
    std::vector<Tensor> frames_;
};

// All frames of a latent, [frames, H, W, 3], decoded `band_rows` rows at a time, by a decoder that makes `step` frames
// of one, and `cell` pixels along each side.
template <class Network>
Tensor decode(Context& ctx, const Network& vae, int64_t step, int64_t cell, const Tensor& latent, int64_t band_rows) {
    const int64_t count = 1 + (latent.dim(1) - 1) * step;
    const int64_t height = latent.dim(2) * cell, width = latent.dim(3) * cell, row = width * 3;
    std::vector<float> video;
    vae.decode(ctx, latent,
               [&](const Tensor& frames, int64_t first_frame, int64_t first_row) {
                   video.resize(static_cast<size_t>(count * height * row));
                   const Tensor part = to_host(ctx, ops::convert(ctx, frames, DType::f32));
                   for (int64_t t = 0; t < part.dim(0); ++t) {
                       std::ranges::copy(part.slice(t, t + 1).span<float>(),
                                         video.data() + ((first_frame + t) * height + first_row) * row);
                   }
               },
               {.band_rows = band_rows});
    return from_span(ctx, video, {count, height, width, 3});
}

// [rows, dim] with zero rows behind, `total` in all.
Tensor padded(Context& ctx, const Tensor& rows, int64_t total) {
    return ops::concat(ctx, std::array{rows, zeros(ctx, {total - rows.dim(0), rows.dim(1)})});
}

// So many equal values.
Tensor filled(Context& ctx, int64_t count, float value) {
    return from_span(ctx, std::vector<float>(static_cast<size_t>(count), value), {count});
}

// The file that --model names.
models::SmallVae load_small_vae(Context& ctx, const ModuleOptions& options, models::WanVae::Half half) {
    require_valid(!options.model.empty(), "module ", options.name, " needs a small decoder: --model FILE");
    const auto residency = ctx.target() == Device::cpu ? nn::Residency::packed : nn::Residency::resident;
    return nn::prepared(ctx, models::SmallVae::load(options.model), residency, half);
}

// The settings of a cache as the reference implementation spells them.
sampling::CacheSettings cache_settings(const ModuleOptions& options, const Inputs& in) try {
    using sampling::CacheKind;
    const nlohmann::json given = nlohmann::json::parse(in.metadata("settings_" + options.cache));
    sampling::CacheSettings s{.threshold = given.at("thresh")};
    if (options.cache == "easycache") {
        s.kind = CacheKind::easy;
        s.first = given.at("first");
    } else if (options.cache == "teacache" || options.cache == "teacache_ret") {
        s.kind = given.at("ret").get<bool>() ? CacheKind::tea_ret : CacheKind::tea;
        s.coefficients = given.at("coef").get<std::vector<double>>();
    } else if (options.cache == "magcache") {
        s.kind = CacheKind::mag;
        s.most = given.at("K");
        s.retention = given.at("retention");
        size_t branch = 0;  // they take turns
        for (const double ratio : given.at("mag").get<std::vector<double>>())
            s.ratios[branch++ % sampling::kBranches].push_back(ratio);
        require_valid(!s.ratios[1].empty(), "denoise: \"mag\" of settings_magcache has fewer than 2 values");
    } else {
        throw InvalidRequest(
            concat("--cache ", options.cache, ": expected easycache, teacache, teacache_ret or magcache"));
    }
    return s;
} catch (const nlohmann::json::exception& error) {
    throw InvalidRequest(concat("denoise: malformed settings_", options.cache, ": ", error.what()));
}

}  // namespace

Outputs run_text_encoder(Context& ctx, const ModuleOptions& options, const Inputs& in) {
    const auto encoder = nn::resident(ctx, models::Umt5::load(options.files().need(Part::text_encoder)));
    const auto ids = in.integers("ids"), mask = in.integers("mask");
    require_valid(ids.size() == mask.size(), "text-encoder: ", ids.size(), " ids but a mask of ", mask.size());
    const auto length = static_cast<size_t>(std::ranges::count(mask, 1));
    require_valid(length > 0, "text-encoder: the mask is empty");
    const Tensor rows = encoder.forward(ctx, std::span(ids).first(length));
    return {{"out", batched(padded(ctx, rows, static_cast<int64_t>(ids.size())))}};
}

Outputs run_vae_decode(Context& ctx, const ModuleOptions& options, const Inputs& in) {
    const auto vae = nn::resident(ctx, models::WanVae::load(options.files().need(Part::vae)));
    const Tensor video = decode(ctx, vae, vae.config().stride_t(), vae.config().stride_hw(),
                                in.sample(ctx, "latents", 5), options.band_rows);
    return {{"decoded", batched(channels_first(ctx, video))}};
}

Outputs run_vae_encode(Context& ctx, const ModuleOptions& options, const Inputs& in) {
    const auto vae = nn::resident(ctx, models::WanVae::load(options.files().need(Part::vae)));
    return {{"encoded", batched(vae.encode(ctx, channels_last(ctx, in.sample(ctx, "video", 5))))}};
}

Outputs run_small_decode(Context& ctx, const ModuleOptions& options, const Inputs& in) {
    const models::SmallVae vae = load_small_vae(ctx, options, models::WanVae::Half::decoder);
    const Tensor video = decode(ctx, vae, models::SmallVaeConfig::kFrames, vae.config().cell(),
                                in.sample(ctx, "latents", 5), options.band_rows);
    const Tensor unclamped = ops::affine(ctx, video, filled(ctx, 3, 0.5f), filled(ctx, 3, 0.5f));
    return {{"unclamped", batched(channels_first(ctx, unclamped))}};
}

Outputs run_small_encode(Context& ctx, const ModuleOptions& options, const Inputs& in) {
    const models::SmallVae vae = load_small_vae(ctx, options, models::WanVae::Half::encoder);
    const Tensor video = channels_last(ctx, in.sample(ctx, "video", 5)),
                 frames = ops::affine(ctx, video, filled(ctx, 3, 2.0f), filled(ctx, 3, -1.0f));
    const auto chunk = [&](int64_t first, int64_t count) { return frames.slice(first, first + count); };
    return {{"encoded", batched(vae.encode(ctx, frames.dim(0), frames.dim(1), frames.dim(2), chunk))}};
}

Outputs run_dit(Context& ctx, const ModuleOptions& options, const Inputs& in) {
    const auto dit = load_dit(ctx, options);
    const Tensor latent = in.sample(ctx, "latents", 5);
    const auto text = dit.embed_text(ctx, in.sample(ctx, "context", 3));
    return {{"out", batched(dit.forward(ctx, latent, in.number(ctx, "timestep"), text, windows_of(ctx, options, latent),
                                        {.clean_frames = options.first_frame_clean ? 1 : 0}))}};
}

Outputs run_self_attention(Context& ctx, const ModuleOptions& options, const Inputs& in) {
    constexpr int64_t kBlock = 1;
    require_valid(!options.layout.empty(), "module self-attention needs --layout FILE");
    const auto dit = load_dit(ctx, options);
    const t3::WindowLayout layout = t3::read_layout(options.layout);
    const Grid grid = layout.grid;
    const Tensor tokens = ops::convert(ctx, in.sample(ctx, "tokens", 3), ctx.compute_type());
    require_valid(tokens.dim(0) == grid.tokens(), "self-attention: ", tokens.dim(0), " tokens for a layout of ", grid);
    Outputs out;
    for (size_t k = 0; k < layout.patterns.size(); ++k) {
        const auto& counts = layout.patterns[k];
        const std::string name = "pattern" + std::to_string(k);
        const auto attend = [&](const t3::LayerWindows& windows) {
            return batched(dit.self_attention(ctx, kBlock, tokens, grid, windows));
        };
        out[name] = attend(t3::layer_windows(grid, counts));
        out[name + "_close"] = attend({t3::close_windows(grid, counts)});
        out[name + "_remote"] = attend({t3::remote_windows(grid, counts)});
    }
    return out;
}

Outputs run_denoise(Context& ctx, const ModuleOptions& options, const Inputs& in) {
    const auto files = options.files();
    const auto stored = models::WanDit::load(files.need(Part::dit), files.dit_config);
    const auto dit = nn::resident(ctx, stored);
    const Tensor noise = in.sample(ctx, "noise", 5);
    const auto positive = dit.embed_text(ctx, in.sample(ctx, "context", 3));
    const auto negative =
        options.cfg == 1.0 ? models::TextContext() : dit.embed_text(ctx, in.sample(ctx, "negative_context", 3));
    const auto solver = sampling::find_solver(options.solver);
    const auto schedule = options.schedule(solver);
    const Tensor first_frame = options.first_frame ? in.sample(ctx, "first_frame", 5) : Tensor();
    const session::Guidance guidance{dit, &positive, &negative, options.cfg};
    session::PassPlan passes;
    if (!options.cache.empty()) {
        film::Film film;
        film.settings.cfg = options.cfg;
        film.settings.cache = passes.cache = cache_settings(options, in);
        const film::Expert expert{stored};
        passes.steps = session::passes_of(film, {&expert, 1}, schedule);
    }
    Tensor computed;
    const auto observe = [&](const sampling::SampleState& state) {
        const auto found = state.further.find(session::kComputedPasses);
        if (found != state.further.end()) computed = found->second;
    };
    Outputs out{
        {"latents", batched(session::denoise(ctx, [&](double) { return guidance; }, windows_of(ctx, options, noise),
                                             solver, schedule, solver.start(ctx, noise, schedule),
                                             {.first_frame = first_frame,
                                              .passes = passes,
                                              .observer = observe,
                                              .noise = draws_of(ctx, in, noise.shape())}))}};
    if (!computed.defined()) return out;
    const Tensor flags = to_host(ctx, computed);
    const std::vector<int64_t> whole(flags.span<float>().begin(), flags.span<float>().end());
    out["computed"] = from_span(ctx, whole).reshape(flags.shape());
    return out;
}

Outputs run_train_step(Context& ctx, const ModuleOptions& options, const Inputs& in) {
    const DType stream = parse_stream(options.stream, ctx.compute_type());
    require_valid(!options.first_frame_clean,
                  "--first-frame-clean belongs to module dit; train-step takes --first-frame");
    const auto files = options.files();
    auto dit = models::WanDit::load(files.need(Part::dit), files.dit_config);
    training::Sample sample;
    sample.latents = in.sample(ctx, "latents", 5);
    sample.noise = in.sample(ctx, "noise", 5);
    sample.text.rows = in.sample(ctx, "context", 3);
    sample.timestep = in.number(ctx, "timestep");
    sample.sigma = in.number(ctx, "sigma");
    sample.weight = in.number(ctx, "weight");
    sample.first_frame = options.first_frame;
    const std::string file = options.input.string() + ": ";
    const models::DitConfig& config = dit.config();
    const Shape& x = sample.latents.shape();
    require_valid(x == sample.noise.shape(), file, "latents ", x, " but noise ", sample.noise.shape());
    require_valid(x[0] == config.in_channels && x[2] % 2 == 0 && x[3] % 2 == 0, file, "latents ", x, ", expected ",
                  config.in_channels, " channels and even rows and columns");
    require_valid(sample.text.rows.dim(0) > 0 && sample.text.rows.dim(1) == config.text_dim, file, "context ",
                  sample.text.rows.shape(), ", expected one row or more of ", config.text_dim);
    require_valid(sample.sigma >= 0 && sample.sigma <= 1, file, "sigma ", sample.sigma, ", expected 0 to 1");
    require_valid(sample.timestep >= 0 && sample.timestep <= 1000, file, "timestep ", sample.timestep,
                  ", expected 0 to 1000");
    require_valid(std::isfinite(sample.weight), file, "weight ", sample.weight, ", expected a number");
    require_valid(!sample.first_frame || x[1] > 1, "--first-frame: the clip of ", options.input.string(),
                  " has one latent frame, which would be left out of the loss");
    training::train_all(ctx, dit);
    auto tape = training::make_tape(stream, nn::StreamPlace::device, options.deterministic);
    const auto result = training::train_sample(ctx, dit, sample, windows_of(ctx, options, sample.latents), tape);
    const auto loss = static_cast<float>(result.loss);
    Outputs out{{"pred", batched(result.velocity)}, {"loss", from_span(ctx, {&loss, 1}, {1})}};
    dit.for_each_param("", [&](const std::string& name, nn::Param& param) { out["grad." + name] = param.grad; });
    return out;
}

// A film from token ids and noise to frames, by the stages of a session.
Outputs run_pipeline(Context& ctx, const ModuleOptions& options, const Inputs& in) {
    const auto files = options.files();
    session::FileModel model(files, film::load_networks(files));
    const Tensor noise = in.sample(ctx, "noise", 5);
    film::Film film{.settings = film::resolve_settings(files, {}, {.cfg = options.cfg})};
    film.size.grid = models::WanDit::grid_of(noise);
    film.attention.layout = t3::full_attention(film.size.grid);
    film::Settings& s = film.settings;
    const models::VaeConfig& vae = model.networks().vae.config();
    s.steps = options.steps;
    s.shift = options.shift;
    s.frames = 1 + (noise.dim(1) - 1) * vae.stride_t();
    s.height = noise.dim(2) * vae.stride_hw();
    s.width = noise.dim(3) * vae.stride_hw();
    const auto ids = [&](const std::string& name) {
        auto all = in.integers(name);
        std::erase(all, 0);
        require_valid(!all.empty(), "pipeline: '", name, "' holds no ids");
        return all;
    };
    session::Material material{.prompt = ids("prompt_ids"), .noise = [&](Context& on, int64_t draw) {
                                   return draw == 0 ? noise : draws_of(on, in, noise.shape())(draw);
                               }};
    if (film.guided()) material.negative = ids("negative_ids");
    material.bf16_timesteps = options.bf16_timesteps;

    FrameTensors frames;
    session::Session session(ctx, 0, session::Lifetime::one_film);
    plan::Plan plan = session.plan(model, film, material, session.machine());
    plan.stages.back().band_rows = options.band_rows;
    session.run(model, film, plan, material, frames, media::Samples::f32);
    return {{"latents", batched(material.latents->x)}, {"frames", batched(frames.joined())}};
}

}  // namespace t3video::apps
