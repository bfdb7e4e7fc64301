// The denoising loop of a film, with image conditioning of the first frame.
#include "session/denoise.h"

#include "core/random.h"
#include "ops/elementwise.h"
#include "sampling/guidance.h"

namespace t3video::session {
namespace {

// A copy of x with frame 0 replaced.
Tensor with_first_frame(Context& ctx, const Tensor& x, const Tensor& first_frame) {
    require(first_frame.rank() == 4 && first_frame.dim(0) == x.dim(0) && first_frame.dim(1) == 1 &&
                first_frame.dim(2) == x.dim(2) && first_frame.dim(3) == x.dim(3),
            "first frame ", first_frame.shape(), " for a latent ", x.shape());
    Tensor y = clone(ctx, x);
    const int64_t channels = x.dim(0), frames = x.dim(1), frame = x.dim(2) * x.dim(3);
    const Tensor rows = y.reshape({channels * frames, frame}), first = first_frame.reshape({channels, frame});
    for (int64_t c = 0; c < channels; ++c) {
        Tensor row = rows.slice(c * frames, c * frames + 1);
        copy_into(ctx, row, first.slice(c, c + 1));
    }
    return y;
}

}  // namespace

Tensor make_noise(Context& ctx, const Shape& shape, uint64_t seed, film::NoiseSource source, int multiprocessors,
                  int64_t draw) {
    Tensor noise = empty_on_host(shape);
    if (source == film::NoiseSource::cpu) {
        fill_normal_cpu(noise.span<float>(), seed, draw);
    } else {
        fill_normal_cuda(noise.span<float>(), seed, multiprocessors, ctx.threads(), draw);
    }
    return to_device(ctx, noise);
}

Tensor noised(Context& ctx, const Tensor& latent, const Tensor& noise, double sigma) {
    return ops::axpby(ctx, static_cast<float>(1.0 - sigma), latent, static_cast<float>(sigma), noise);
}

Tensor denoise(Context& ctx, const GuidanceAt& guidance, const t3::LayoutWindows& windows,
               const sampling::Solver& solver, const sampling::Schedule& schedule, sampling::SampleState start,
               const DenoiseOptions& options) {
    const Tensor& first_frame = options.first_frame;
    const bool conditioned = first_frame.defined();
    const models::Conditioning conditioning{.clean_frames = conditioned ? 1 : 0};
    int64_t step = start.step;
    std::optional<StepCache> cache;
    if (!options.passes.steps.empty()) {
        require(std::ssize(options.passes.steps) == schedule.steps(), "denoise: passes of ",
                options.passes.steps.size(), " steps, expected ", schedule.steps());
        cache.emplace(ctx, options.passes, start);
    }
    const sampling::Denoiser denoiser = [&](const Tensor& sample, double time) {
        Guidance g = guidance(schedule.sigmas[static_cast<size_t>(step)]);
        if (cache && !cache->guided(step)) g.scale = 1.0;
        const auto velocities = [&](std::span<const sampling::Branch> branches, const Tensor& x, double timestep) {
            std::vector<models::DitBranch> prompts;
            for (const sampling::Branch branch : branches) {
                const auto* text = branch == sampling::Branch::positive ? g.positive : g.negative;
                require(text != nullptr, "denoise: no prompt for one of the branches of cfg ", g.scale);
                prompts.push_back({*text, conditioning});
            }
            if (!cache) return g.dit.forward(ctx, x, timestep, prompts, windows);
            return cache->velocities(ctx, step, branches, g.dit, x, timestep, prompts, windows);
        };
        return sampling::guided(ctx, velocities, g.scale, options.together)(sample, time);
    };
    if (conditioned) start.x = with_first_frame(ctx, start.x, first_frame);
    const auto observer = [&](sampling::SampleState& state) {
        step = state.step;
        if (conditioned) state.x = with_first_frame(ctx, state.x, first_frame);
        if (!options.observer) return;
        if (cache) cache->save(ctx, state);
        options.observer(state);
        StepCache::remove(state);  // so that the cache alone decides when its memory goes
    };
    return solver.solve(ctx, denoiser, std::move(start), schedule, observer, options.noise);
}

sampling::Schedule schedule_of(const film::Film& film) {
    const film::Settings& s = film.settings;
    return film::solver_of(s).schedule({.steps = s.steps, .shift = s.shift, .strength = s.strength});
}

Tensor denoise_film(Context& ctx, const ExpertsInTurn& experts, const film::Film& film,
                    const job::Embeddings& embeddings, const sampling::Schedule& schedule, sampling::SampleState start,
                    const DenoiseOptions& options) {
    const film::Settings& s = film.settings;
    require(!options.passes.steps.empty() || (s.cache.kind == sampling::CacheKind::none && s.guidance.all()),
            "denoise: a film with a cache or an interval of guidance, and no plan of its passes");
    const bool guided = embeddings.negative.defined();
    std::vector<models::TextContext> texts;
    std::optional<size_t> reader;  // whose texts they are
    const auto guidance = [&](double sigma) -> Guidance {
        const size_t turn = experts.experts.empty() ? 0 : film::expert_for(experts.experts, sigma);
        const models::WanDit& dit = experts.dit(turn);
        if (reader != turn) {
            std::vector<models::TextRows> prompts;
            for (const Tensor* rows : {&embeddings.positive, &embeddings.negative}) {
                if (rows->defined()) prompts.push_back({to_device(ctx, *rows), models::kTextRows - rows->dim(0)});
            }
            texts.clear();
            texts = dit.embed_text(ctx, prompts);
            reader = turn;
        }
        return {dit, &texts[0], guided ? &texts[1] : nullptr, s.cfg};
    };
    return denoise(ctx, guidance, t3::LayoutWindows(ctx, film.attention.layout), film::solver_of(s), schedule,
                   std::move(start), options);
}

}  // namespace t3video::session
