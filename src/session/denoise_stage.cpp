// From noise, or an input's latent behind noise, to the latents of the film.
#include <algorithm>
#include <utility>

#include "core/error.h"
#include "session/denoise.h"
#include "session/stages.h"

namespace t3video::session {
namespace {

using sampling::StepPasses;

// Some steps in which all that are left are found, and how many each of them stands for.
struct Rehearsal {
    std::vector<StepPasses> steps = {};
    std::vector<double> times = {};

    void add(const StepPasses& step, int64_t stands_for) {
        steps.push_back(step);
        times.push_back(double(stands_for));
    }
};

// `skips_late`: a cache may skip any of them.
Rehearsal rehearse(std::span<const StepPasses> left, bool skips_late) {
    constexpr int64_t kFull = 3;  // steps until a solver's memory is full: all further ones are alike
    std::vector<std::pair<StepPasses, int64_t>> kinds;
    StepPasses whole{.guided = false};
    bool skips = false;
    for (StepPasses step : left) {
        step.expert = 0;
        whole.guided = whole.guided || step.guided;
        skips = skips || step.computes != std::array{true, step.guided};
        const auto kind = std::ranges::find(kinds, step, &std::pair<StepPasses, int64_t>::first);
        kind == kinds.end() ? kinds.emplace_back(step, 1) : * kind = {step, kind->second + 1};
    }
    whole.computes = {true, whole.guided};
    Rehearsal all;
    if (!skips && !skips_late && std::ssize(left) <= kFull) {
        for (const StepPasses& step : left) all.add(step, 1);
        return all;
    }
    const auto wholes = std::ranges::find(kinds, whole, &std::pair<StepPasses, int64_t>::first);
    for (int64_t i = 0; i < kFull; ++i) {
        const int64_t one = wholes != kinds.end() && wholes->second > 0 ? 1 : 0;
        all.add(whole, one);
        if (one > 0) --wholes->second;
    }
    for (const auto& [kind, count] : kinds) {
        if (count == 0) continue;
        if (kind != whole) all.add(whole, 0);  // from which it has what it skips with
        all.add(kind, count);
    }
    if (skips_late) {  // behind a skipped step a computed one has more beside it
        StepPasses skipped = whole;
        skipped.computes = {false, false};
        all.add(skipped, 0);
        all.add(whole, 0);
    }
    return all;
}

// Levels for so many steps, as a rehearsal takes them: work and memory do not follow from them.
sampling::Schedule even_schedule(int64_t steps) {
    sampling::Schedule schedule;
    for (int64_t i = steps; i >= 0; --i) schedule.sigmas.push_back(0.999 * double(i) / double(steps));
    for (int64_t i = 0; i < steps; ++i) schedule.timesteps.push_back(1000 * schedule.sigmas[static_cast<size_t>(i)]);
    return schedule;
}

// The work of the steps that were not rehearsed, from that after each one which was.
Work rest_of(const Rehearsal& rehearsal, std::span<const Work> after) {
    Work rest;
    for (size_t i = 0; i < rehearsal.times.size(); ++i) {
        if (rehearsal.times[i] == 1) continue;
        const size_t like = i == 0 ? 1 : i;  // the first step embeds the prompts, which is done once in any case
        rest += (after[like] - after[like - 1]) * (rehearsal.times[i] - 1);
    }
    return rest;
}

// Whether which passes run, or are computed, is not the same in all steps.
bool has_passes(const film::Settings& s) {
    return s.cache.kind != sampling::CacheKind::none || !s.guidance.all();
}

class Denoise final : public Stage {
  public:
    const char* name() const override { return "denoise"; }

    bool is_due(const film::Film& film, const Material& material) const override {
        return !material.latents || material.latents->step < film.settings.steps;
    }

    plan::StagePlan plan(const film::Networks& networks, const film::Film& film, const Material& material,
                         const plan::Machine& machine, const plan::Poll& poll) const override {
        const film::Settings& s = film.settings;
        auto schedule = schedule_of(film);
        if (material.bf16_timesteps) sampling::round_timesteps(schedule);
        const auto passes = passes_of(film, networks.experts, schedule);
        const auto left = std::span(passes).subspan(static_cast<size_t>(material.latents ? material.latents->step : 0));
        plan::StagePlan plan = planned(networks, film, material, left, machine, poll, false);
        if (s.cache.keeps_residuals() && !machine.on_cpu() && (plan.streamed() || plan.bytes > machine.allowed)) {
            plan::StagePlan other = planned(networks, film, material, left, machine, poll, true);
            other.cache_on_host = true;
            const bool better = !other.streamed() || plan.bytes > machine.allowed;
            if (better && other.bytes <= machine.allowed) plan = other;
        }
        plan.at_most = !passes_are_known(film, networks.experts);
        return plan;
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
        PassPlan passes;
        if (const ResidualObserver residuals = run.watch.residuals(); has_passes(s) || residuals)
            passes = {.steps = passes_of(run.film, experts.experts, schedule),
                      .cache = s.cache,
                      .on_host = run.plan.cache_on_host,
                      .residuals = residuals};
        // Before steps are timed.
        dit(film::expert_for(experts.experts, schedule.sigmas[static_cast<size_t>(start.step)]));
        run.watch.starts(schedule, start);
        Tensor computed;
        const auto observe = [&](const sampling::SampleState& state) {
            if (const auto found = state.further.find(kComputedPasses); found != state.further.end())
                computed = found->second;
            run.watch.stepped(state);
        };
        const auto fresh = [&](int64_t draw) { return material.noise(ctx, draw); };
        const Tensor x = denoise_film(ctx, experts, run.film, *material.embeddings, schedule, std::move(start),
                                      {.together = run.plan.together,
                                       .first_frame = first_frame,
                                       .passes = std::move(passes),
                                       .observer = observe,
                                       .noise = fresh});
        material.latents = sampling::SampleState{schedule.steps(), to_host(ctx, x), {}};
        if (computed.defined()) material.latents->further[kComputedPasses] = to_host(ctx, computed);
        run.watch.end(name());
    }

  private:
    // Experts take turns, so that the first stands for all. `on_host`: residuals of a cache wait in host memory.
    plan::StagePlan planned(const film::Networks& networks, const film::Film& film, const Material& material,
                            std::span<const StepPasses> left, const plan::Machine& computing, const plan::Poll& poll,
                            bool on_host) const {
        plan::Machine machine = computing;
        if (machine.on_cpu()) machine.taken += t3::list_bytes(film.attention.layout);
        int64_t passes = 0, walks = 0;  // that are computed; over the layers, where both branches walk together
        for (const StepPasses& step : left) {
            passes += step.computes[0] + step.computes[1];
            walks += step.any() ? 1 : 0;
        }
        const Rehearsal rehearsal = rehearse(left, film.settings.cache.kind == sampling::CacheKind::easy);
        bool together = false;
        const auto run = [&](Context& ctx, const models::WanDit& dit) {
            const Tensor x = empty(ctx, latent_shape(film, networks.vae.config())),
                         rows = unbacked({models::kTextRows - 1, dit.config().text_dim}, DType::f32);
            Tensor first_frame;
            if (film.settings.source == film::Source::image)
                first_frame = empty(ctx, {x.dim(0), 1, x.dim(2), x.dim(3)});
            std::vector<Work> after;
            PassPlan plan;
            if (has_passes(film.settings))
                plan = {.steps = rehearsal.steps, .cache = film.settings.cache, .on_host = on_host, .keep_all = true};
            const sampling::Schedule schedule = even_schedule(std::ssize(rehearsal.steps));
            denoise_film(ctx, {.dit = [&](size_t) -> const models::WanDit& { return dit; }}, film,
                         {rows, film.guided() ? rows : Tensor()}, schedule,
                         film::solver_of(film.settings).start(ctx, x, schedule),
                         {.together = together,
                          .first_frame = first_frame,
                          .passes = std::move(plan),
                          .observer = [&](const sampling::SampleState&) { after.push_back(ctx.work()); },
                          .noise = [&](int64_t) { return empty(ctx, x.shape()); }});
            return rest_of(rehearsal, after);
        };
        const auto stage = [&](nn::Residency residency) {
            plan::StagePlan denoise = plan::count(name(), machine, poll, networks.dit(), residency, run);
            if (material.preview_every == 0 || !networks.decoder) return denoise;
            const plan::StagePlan preview =
                plan_preview(*networks.decoder, latent_shape(film, networks.vae.config()), machine, poll);
            denoise.band_rows = preview.band_rows;
            denoise.bytes += preview.bytes;
            denoise.work += preview.work * double(std::ssize(left) / material.preview_every + 1);
            return denoise;
        };
        // Layers are asked for the keys and values of the prompts, which they all give in one walk, and then in every
        // pass.
        const plan::StagePlan one = plan::streamed_where_it_must(machine, passes + (film.guided() ? 2 : 1), stage);
        if (film.guided() && one.streamed()) {
            together = true;
            plan::StagePlan both = stage(nn::Residency::streamed);
            both.together = true;
            if (both.bytes <= machine.allowed) return plan::crossing(both, 1 + walks);
        }
        return plan::crossing(one, 1 + passes);
    }
};

}  // namespace

std::unique_ptr<Stage> denoise_stage() {
    return std::make_unique<Denoise>();
}

}  // namespace t3video::session
