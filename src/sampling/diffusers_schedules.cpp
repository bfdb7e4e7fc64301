// Schedules of diffusers 0.42 in double precision, rounded to float32 at the end as there.
#include "sampling/diffusers_schedules.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "sampling/schedule_parts.h"

namespace t3video::sampling {
namespace {

// first + share*(last - first) for shares from 0 to 1 at equal distances, both included; a single one is `first`.
std::vector<double> between(double first, double last, int64_t count) {
    const auto intervals = static_cast<double>(std::max<int64_t>(count - 1, 1));
    return descend(first, (last - first) / intervals, count);
}

// Karras et al., 2022: equal distances in sigma^(1/7).
std::vector<double> karras(double first, double last, int64_t steps) {
    constexpr double kRho = 7.0;
    std::vector<double> sigmas = between(std::pow(first, 1 / kRho), std::pow(last, 1 / kRho), steps);
    for (double& s : sigmas) s = std::pow(s, kRho);
    return sigmas;
}

std::vector<double> exponential(double first, double last, int64_t steps) {
    std::vector<double> sigmas = between(std::log(first), std::log(last), steps);
    for (double& s : sigmas) s = std::exp(s);
    return sigmas;
}

// Lee et al., 2024 (Beta Sampling is All You Need).
std::vector<double> beta(double first, double last, int64_t steps) {
    constexpr double kParameter = 0.6;
    std::vector<double> sigmas = between(1, 0, steps);
    for (double& s : sigmas) s = last + beta_quantile(s, kParameter) * (first - last);
    return sigmas;
}

std::vector<double> spaced(std::vector<double> sigmas, Spacing spacing) {
    const auto steps = static_cast<int64_t>(sigmas.size());
    switch (spacing) {
        case Spacing::karras:
            return karras(sigmas.front(), sigmas.back(), steps);
        case Spacing::exponential:
            return exponential(sigmas.front(), sigmas.back(), steps);
        case Spacing::beta:
            return beta(sigmas.front(), sigmas.back(), steps);
        case Spacing::flow:
            break;
    }
    return sigmas;
}

void stretch_to(double terminal, std::vector<double>& sigmas) {
    if (terminal == 0) return;
    const double scale = (1.0 - sigmas.back()) / (1.0 - terminal);
    require_valid(scale > 0, "shift_terminal ", terminal, ": a schedule of one step has no level to stretch");
    for (double& s : sigmas) s = 1.0 - (1.0 - s) / scale;
}

// sqrt((1 - a)/a) at the first and the last of 1000 training steps, where a is the product of 1 - beta up to there and
// beta runs from 0.0001 to 0.02; in float32, as the reference makes them.
std::pair<double, double> range_of_betas() {
    const auto level = [](float product) { return std::sqrt(double((1.0f - product) / product)); };
    float product = 1, first = 0;
    for (int i = 0; i < int(kTrainTimesteps); ++i) {
        product *= 1.0f - static_cast<float>(0.0001 + (0.02 - 0.0001) * i / (kTrainTimesteps - 1));
        if (i == 0) first = product;
    }
    return {level(product), level(first)};
}

}  // namespace

double beta_quantile(double p, double a) {
    if (p <= 0) return 0;
    if (p >= 1) return 1;
    if (p > 0.5) return 1 - beta_quantile(1 - p, a);
    // With x = u^(1/a): the integral of x^(a-1) (1-x)^(a-1) from 0 to x is (1/a) times that of (1-x(u))^(a-1) from 0 to
    // u, whose integrand is smooth up to x = 1/2: a power series of x.
    const auto collected = [a](double x) {
        double sum = 0, term = std::pow(x, a);  // (1-a)(2-a).../k! x^(a+k)
        for (int k = 0; k < 200 && term > 1e-18 * sum; ++k) {
            sum += term / (a + k);
            term *= x * (k + 1 - a) / (k + 1);
        }
        return sum;
    };
    const double wanted = p * 2 * collected(0.5);
    double low = 0, high = 0.5;
    for (int i = 0; i < 200 && high - low > 1e-17 * high; ++i) {
        const double middle = (low + high) / 2;
        (collected(middle) < wanted ? low : high) = middle;
    }
    return (low + high) / 2;
}

// s_i = 1 - (1 - 1/1000)*i/n, sigma_i = shifted(s_i)
Schedule diffusers_unipc_schedule(const ScheduleOptions& options, const DiffusersSpacing& spacing) {
    check_options(options);
    check_full_strength(options, "diffusers UniPC");
    require(spacing.spacing == Spacing::flow || spacing.spacing == Spacing::karras, "diffusers UniPC: this spacing");
    std::vector<double> sigmas;
    if (spacing.spacing == Spacing::karras) {
        const auto [first, last] = range_of_betas();
        sigmas = karras(first, last, options.steps);
        for (double& s : sigmas) s = s / (s + 1);
    } else {
        const double step = (1.0 / kTrainTimesteps - 1.0) / static_cast<double>(options.steps);
        sigmas = descend(1.0, step, options.steps);
        for (double& s : sigmas) s = shifted(s, options.shift);
        stretch_to(spacing.terminal, sigmas);
        constexpr double kBelowNoise = 1e-6;  // keeps ln(1 - sigma_0) finite
        if (std::abs(sigmas[0] - 1.0) < kBelowNoise) sigmas[0] -= kBelowNoise;
    }
    return make_schedule(std::move(sigmas), TimestepRule::truncated, options);
}

// s_i = (1 - 1/1000)*(1 - i/n), sigma_i = shifted(s_i)
Schedule diffusers_dpmpp_schedule(const ScheduleOptions& options) {
    check_options(options);
    check_full_strength(options, "diffusers DPM-Solver++");
    const auto steps = static_cast<double>(options.steps);
    std::vector<double> sigmas(static_cast<size_t>(options.steps));
    for (size_t i = 0; i < sigmas.size(); ++i) {
        const double alpha = 1.0 + (steps - static_cast<double>(i)) * ((1.0 / kTrainTimesteps - 1.0) / steps);
        sigmas[i] = shifted(1.0 - alpha, options.shift);
    }
    return make_schedule(std::move(sigmas), TimestepRule::truncated, options);
}

// s_i equally spaced from 1 to shifted(1/1000), both included; sigma_i = shifted(s_i)
Schedule diffusers_flow_match_schedule(const ScheduleOptions& options, const DiffusersSpacing& spacing) {
    check_options(options);
    check_full_strength(options, "diffusers flow match");
    std::vector<double> sigmas = between(1.0, shifted(1.0 / kTrainTimesteps, options.shift), options.steps);
    for (double& s : sigmas) s = shifted(s, options.shift);
    stretch_to(spacing.terminal, sigmas);
    return make_schedule(spaced(std::move(sigmas), spacing.spacing), TimestepRule::exact, options);
}

}  // namespace t3video::sampling
