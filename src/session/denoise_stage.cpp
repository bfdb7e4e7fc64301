// From noise, or an input's latent behind noise, to the latents of the film.
#include <algorithm>

#include "core/error.h"
#include "session/denoise.h"
#include "session/stages.h"

namespace t3video::session {
namespace {

class Denoise final : public Stage {
  public:
    const char* name() const override { return "denoise"; }

    bool is_due(const film::Film& film, const Material& material) const override {
        return !material.latents || material.latents->step < film.settings.steps;
    }

    // Experts take turns, so that the first stands for all.
    plan::StagePlan plan(const film::Networks& networks, const film::Film& film, const Material& material,
                         const plan::Machine& computing, const plan::Poll& poll) const override {
        plan::Machine machine = computing;
        if (machine.on_cpu()) machine.taken += t3::list_bytes(film.attention.layout);
        const int64_t done = material.latents ? material.latents->step : 0, steps = film.settings.steps - done,
                      branches = film.guided() ? 2 : 1;
        bool together = false;
        const auto run = [&](Context& ctx, const models::WanDit& dit) {
            const Tensor x = empty(ctx, latent_shape(film, networks.vae.config())),
                         rows = unbacked({models::kTextRows - 1, dit.config().text_dim}, DType::f32);
            // After this many steps a solver's memory is full, and all further steps are alike.
            constexpr int64_t kEnough = 4;
            const int64_t counted = std::min(steps, kEnough), all = film.settings.steps;
            Tensor first_frame;
            if (film.settings.source == film::Source::image)
                first_frame = empty(ctx, {x.dim(0), 1, x.dim(2), x.dim(3)});
            Work before_last = ctx.work();
            const auto observe = [&](const sampling::SampleState& state) {
                if (state.step == all - 1) before_last = ctx.work();
            };
            const auto fresh = [&](int64_t) { return empty(ctx, x.shape()); };
            const sampling::Schedule schedule = schedule_of(film);
            sampling::SampleState start = film::solver_of(film.settings).start(ctx, x, schedule);
            start.step = all - counted;
            denoise_film(ctx, {.dit = [&](size_t) -> const models::WanDit& { return dit; }}, film,
                         {rows, film.guided() ? rows : Tensor()}, schedule, std::move(start),
                         {.together = together, .first_frame = first_frame, .observer = observe, .noise = fresh});
            return (ctx.work() - before_last) * double(steps - counted);
        };
        const auto stage = [&](nn::Residency residency) {
            return plan::count(name(), machine, poll, networks.dit(), residency, run);
        };
        // Layers are asked for the keys and values of the prompts, which they all give in one walk, and then in every
        // step.
        const auto with_previews = [&](plan::StagePlan denoise) {
            if (material.preview_every == 0 || !networks.decoder) return denoise;
            const plan::StagePlan preview =
                plan_preview(*networks.decoder, latent_shape(film, networks.vae.config()), machine, poll);
            denoise.band_rows = preview.band_rows;
            denoise.bytes += preview.bytes;
            denoise.work += preview.work * double(steps / material.preview_every + 1);
            return denoise;
        };
        const auto planned = [&](nn::Residency residency) { return with_previews(stage(residency)); };
        const plan::StagePlan one = plan::streamed_where_it_must(machine, branches * (steps + 1), planned);
        if (film.guided() && one.streamed()) {
            together = true;
            plan::StagePlan both = planned(nn::Residency::streamed);
            both.together = true;
            if (both.bytes <= machine.allowed) return plan::crossing(both, 1 + steps);
        }
        return plan::crossing(one, 1 + steps * branches);
    }

    void run(StageRun& run) const override {
        Context& ctx = run.ctx;
        Material& material = run.material;
        const film::Settings& s = run.film.settings;
        run.watch.begin(name(), s.steps, "steps");
        auto schedule = schedule_of(run.film);
        if (material.bf16_timesteps) sampling::round_timesteps(schedule);

        sampling::SampleState start;
        if (material.latents) {
            start = std::move(*material.latents);
            start.x = to_device(ctx, start.x);
            for (Tensor& earlier : start.history) earlier = to_device(ctx, earlier);
            for (auto& [name, tensor] : start.further) tensor = to_device(ctx, tensor);
        } else {
            start = film::solver_of(s).start(ctx, material.noise(ctx, 0), schedule);
            if (material.input_latent.defined() && s.source == film::Source::video)
                start.x = noised(ctx, to_device(ctx, material.input_latent), start.x, schedule.sigmas.front());
        }
        material.latents.reset();
        Tensor first_frame;
        if (s.source == film::Source::image) first_frame = to_device(ctx, material.input_latent);
        const auto dit = [&](size_t expert) -> const models::WanDit& {
            return run.network<models::WanDit>([&] { return run.model.dit(ctx, expert, run.plan.residency); }, expert);
        };
        const ExpertsInTurn experts{run.model.networks().experts, dit};
        // Before steps are timed.
        dit(film::expert_for(experts.experts, schedule.sigmas[static_cast<size_t>(start.step)]));
        run.watch.starts(schedule, start);
        const auto observe = [&](const sampling::SampleState& state) { run.watch.stepped(state); };
        const auto fresh = [&](int64_t draw) { return material.noise(ctx, draw); };
        const Tensor x = denoise_film(
            ctx, experts, run.film, *material.embeddings, schedule, std::move(start),
            {.together = run.plan.together, .first_frame = first_frame, .observer = observe, .noise = fresh});
        material.latents = sampling::SampleState{schedule.steps(), to_host(ctx, x), {}};
        run.watch.end(name());
    }
};

}  // namespace

std::unique_ptr<Stage> denoise_stage() {
    return std::make_unique<Denoise>();
}

}  // namespace t3video::session
