// Draws from T3's and the usual distributions.
#include "training/noise_levels.h"

#include <algorithm>
#include <cmath>

#include "core/dtype.h"
#include "core/error.h"
#include "core/hash_uniform.h"

namespace t3video::training {
namespace {

constexpr int64_t kSteps = 1000;

double shifted(double u, double shift) {
    return shift * u / (1 + (shift - 1) * u);
}

// y_j = exp(-2 ((t_j - 500)/1000)^2) less the least of them, scaled to a mean of 1.
std::vector<double> bell(const std::vector<double>& timesteps) {
    std::vector<double> y;
    for (const double t : timesteps) y.push_back(std::exp(-2 * std::pow((t - 500) / 1000, 2)));
    const double least = *std::ranges::min_element(y);
    double sum = 0;
    for (double& value : y) sum += value -= least;
    for (double& value : y) value *= static_cast<double>(y.size()) / sum;
    return y;
}

const NoiseLevelOptions& checked(const NoiseLevelOptions& o) {
    require_valid(o.deviation > 0 && o.deviation <= 10 && std::abs(o.mean) <= 10, Field("logit-normal", o.mean), ", ",
                  o.deviation, ": expected a mean of -10 to 10 and a deviation above 0, at most 10");
    require_valid(o.from >= 0 && o.from < o.to && o.to <= 1, Field("levels", o.from), " to ", o.to,
                  ": expected a part of 0 (pure noise) to 1 (clean), the smaller number first");
    return o;
}

}  // namespace

NoiseLevels::NoiseLevels(const NoiseLevelOptions& options)
    : options_(checked(options)),
      schedule_(sampling::flow_match_schedule({.steps = kSteps, .shift = options.shift})),
      weights_(bell(schedule_.timesteps)) {}

size_t NoiseLevels::nearest(double timestep) const {
    const auto& t = schedule_.timesteps;  // falling
    const auto below = std::ranges::lower_bound(t, timestep, std::greater<>());
    if (below == t.begin()) return 0;
    const auto at = static_cast<size_t>(below - t.begin());
    return below == t.end() || t[at - 1] - timestep <= timestep - t[at] ? at - 1 : at;
}

NoiseLevel NoiseLevels::at(double sigma) const {
    NoiseLevel level{.timestep = 1000 * sigma, .sigma = sigma};
    if (options_.weights == NoiseLevelOptions::Weights::bell) level.weight = weights_[nearest(level.timestep)];
    return level;
}

NoiseLevel NoiseLevels::draw(uint64_t seed, uint64_t index) const {
    if (options_.draw == NoiseLevelOptions::Draw::logit_normal) {
        const double normal = options_.mean + options_.deviation * double(hash_normal(seed, index));
        const double noise = 1 / (1 + std::exp(-normal));  // 1: pure
        const double part = (1 - options_.to) + (options_.to - options_.from) * noise;
        const double sigma = shifted(part, options_.shift);
        if (!options_.bf16_timesteps) return at(sigma);
        NoiseLevel level = at(double(round_to_bf16(static_cast<float>(1000 * sigma))) / 1000);
        level.timestep = 1000 * level.sigma;
        return level;
    }
    const auto first = static_cast<int64_t>(options_.from * kSteps), last = static_cast<int64_t>(options_.to * kSteps);
    const auto span = std::max<int64_t>(1, last - first);
    const auto j = first + static_cast<int64_t>(hash_uniform(seed, index) * static_cast<double>(span));
    const double exact = schedule_.timesteps[static_cast<size_t>(std::min(j, kSteps - 1))];
    const double told = options_.bf16_timesteps ? double(round_to_bf16(static_cast<float>(exact))) : exact;
    const size_t entry = nearest(told);
    NoiseLevel level = at(schedule_.sigmas[entry]);
    level.timestep = told;
    return level;
}

}  // namespace t3video::training
