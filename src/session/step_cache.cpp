// Passes, computed and skipped.
#include "session/step_cache.h"

#include <algorithm>

#include "core/error.h"
#include "ops/elementwise.h"
#include "ops/mean_abs.h"

namespace t3video::session {
namespace {

using sampling::Branch;
using sampling::CacheKind;

constexpr std::string_view kOwn = "cache.";  // begins the names of what is remembered

bool has_values(models::WanDit dit) {
    bool has = true;
    dit.for_each_param("", [&](const auto&, const nn::Param& param) {
        has = has && (param.value.encoding() || param.value.numbers().raw() != nullptr);
    });
    return has;
}

bool is_tea(CacheKind kind) {
    return kind == CacheKind::tea || kind == CacheKind::tea_ret;
}

}  // namespace

std::vector<double> time_changes(Context& host, std::span<const film::Expert> experts,
                                 std::span<const sampling::StepPasses> steps, const sampling::Schedule& schedule,
                                 bool projected) {
    std::vector<double> changes(steps.size());
    Tensor embeddings;
    for (size_t i = 0, first = 0; i < steps.size(); ++i) {
        if (i == 0 || steps[i].expert != steps[i - 1].expert) {
            first = i;
            size_t last = i;
            while (last < steps.size() && steps[last].expert == steps[i].expert) ++last;
            const auto times = std::span(schedule.timesteps).subspan(first, last - first);
            embeddings = experts[steps[i].expert].dit.embed_times(host, times, projected);
            continue;
        }
        const auto row = static_cast<int64_t>(i - first);
        const Tensor before = embeddings.slice(row - 1, row);
        changes[i] =
            ops::mean_abs_difference(host, embeddings.slice(row, row + 1), before) / ops::mean_abs(host, before);
    }
    return changes;
}

bool passes_are_known(const film::Film& film, std::span<const film::Expert> experts) {
    const CacheKind kind = film.settings.cache.kind;
    return kind != CacheKind::easy && (!is_tea(kind) || std::ranges::all_of(experts, [](const film::Expert& expert) {
               return has_values(expert.dit);
           }));
}

std::vector<sampling::StepPasses> passes_of(const film::Film& film, std::span<const film::Expert> experts,
                                            const sampling::Schedule& schedule) {
    const sampling::CacheSettings& cache = film.settings.cache;
    std::vector<sampling::StepPasses> steps(schedule.timesteps.size());
    for (size_t i = 0; i < steps.size(); ++i) {
        const double sigma = schedule.sigmas[i];
        steps[i].guided = film.guided() && film.settings.guidance.contains(sigma);
        steps[i].expert = film::expert_for(experts, sigma);
    }
    compute_all(steps);
    if (cache.kind == CacheKind::mag) plan_mag(cache, steps);
    if (is_tea(cache.kind) && passes_are_known(film, experts)) {
        Context host;
        plan_tea(cache, time_changes(host, experts, steps, schedule, cache.kind == CacheKind::tea_ret), steps);
    }
    return steps;
}

StepCache::StepCache(Context& ctx, PassPlan plan, sampling::SampleState& start) : plan_(std::move(plan)) {
    if (plan_.cache.kind == CacheKind::easy) easy_.emplace(plan_.cache, plan_.steps);
    if (plan_.cache.keeps_residuals()) residuals_.emplace(plan_.steps, plan_.on_host);
    if (easy_) easy_->restore(ctx, start.further);
    if (residuals_) residuals_->restore(ctx, start.further);
    if (const auto found = start.further.find(kComputedPasses); found != start.further.end()) {
        const Tensor flags = to_host(ctx, found->second);
        for (int64_t i = 0; i < flags.dim(0); ++i)
            computed_.push_back({flags.data<float>()[2 * i] != 0, flags.data<float>()[2 * i + 1] != 0});
    }
    computed_.resize(static_cast<size_t>(start.step));
    remove(start);
}

void StepCache::begin(Context& ctx, int64_t step, const Tensor& x) {
    if (step == step_) return;
    step_ = step;
    if (easy_) easy_->begin(ctx, step, x);
    if (residuals_) residuals_->begin(step);
    computed_.resize(static_cast<size_t>(step) + 1);
}

bool StepCache::computes(Branch branch) const {
    return easy_ ? easy_->computes(branch) : residuals_ ? residuals_->computes(branch) : true;
}

std::vector<Tensor> StepCache::velocities(Context& ctx, int64_t step, std::span<const Branch> branches,
                                          const models::WanDit& dit, const Tensor& x, double timestep,
                                          std::span<const models::DitBranch> prompts,
                                          const t3::LayoutWindows& windows) {
    begin(ctx, step, x);
    std::array<bool, sampling::kBranches> computed{};
    std::vector<models::DitBranchState> walking;
    for (size_t i = 0; i < branches.size(); ++i) {
        const size_t b = sampling::index_of(branches[i]);
        computed[b] = computed_.back()[b] = computes(branches[i]);
        if (computed[b]) walking.push_back(dit.enter(ctx, x, timestep, prompts[i]));
    }
    if (!walking.empty()) dit.blocks(ctx, walking, windows, 0, dit.config().layers);
    std::vector<Tensor> velocities;
    auto walked = walking.begin();
    for (size_t i = 0; i < branches.size(); ++i) {
        const Branch branch = branches[i];
        const auto enter = [&] { return dit.enter(ctx, x, timestep, prompts[i]); };
        if (computed[sampling::index_of(branch)]) {
            models::DitBranchState state = std::move(*walked++);
            keep_residual(ctx, branch, state.x, enter);
            velocities.push_back(dit.leave(ctx, std::move(state)));
            if (easy_) easy_->computed(ctx, branch, x, velocities.back());
        } else if (residuals_) {
            models::DitBranchState state = enter();
            ops::add_to(ctx, state.x, residuals_->residual(ctx, branch));
            velocities.push_back(dit.leave(ctx, std::move(state)));
        } else {
            velocities.push_back(easy_->skipped(ctx, branch, x));
        }
    }
    return velocities;
}

// What entered the layers is made again: keeping it while they run would take as much memory as a residual.
template <class Enter>
void StepCache::keep_residual(Context& ctx, Branch branch, const Tensor& left, Enter&& enter) {
    const bool wanted = residuals_ && (plan_.keep_all || residuals_->is_wanted(branch));
    if (!wanted && !plan_.residuals) return;
    Tensor residual = enter().x;
    ops::axpby_into(ctx, 1.0f, left, -1.0f, residual, residual);
    if (plan_.residuals) plan_.residuals(step_, branch, residual);
    if (wanted) residuals_->keep(ctx, branch, std::move(residual));
}

void StepCache::save(Context& ctx, sampling::SampleState& state) const {
    std::vector<float> flags;
    for (const auto& step : computed_) flags.insert(flags.end(), {step[0] ? 1.0f : 0.0f, step[1] ? 1.0f : 0.0f});
    state.further[kComputedPasses] = from_span(ctx, flags, {static_cast<int64_t>(computed_.size()), 2});
    if (state.step == std::ssize(plan_.steps)) return;  // nothing comes that would take the rest
    if (easy_) easy_->save(ctx, state.further);
    if (residuals_) residuals_->save(state.further);
}

void StepCache::remove(sampling::SampleState& state) {
    std::erase_if(state.further, [](const auto& entry) { return entry.first.starts_with(kOwn); });
}

}  // namespace t3video::session
