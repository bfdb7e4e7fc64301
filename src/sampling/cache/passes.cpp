// Decisions that do not depend on the film.
#include "sampling/cache/passes.h"

#include <cmath>

#include "core/error.h"

namespace t3video::sampling {
namespace {

// Asks `skips(i, b)` about each pass that could be skipped. `fresh(b)` is called for the others: what was summed up for
// their branch begins anew.
template <class Fresh, class Skips>
void plan(std::vector<StepPasses>& steps, Fresh&& fresh, Skips&& skips) {
    for (size_t b = 0; b < kBranches; ++b) {
        bool remembered = false;
        for (size_t i = 0; i < steps.size(); ++i) {
            const bool runs = b == 0 || steps[i].guided;
            remembered = remembered && continues(steps, i);
            const bool skipped = runs && remembered && skips(i, b);
            if (!skipped) fresh(b);
            steps[i].computes[b] = runs && !skipped;
            remembered = runs;
        }
    }
}

double polynomial(const std::vector<double>& coefficients, double x) {
    double y = 0;
    for (const double c : coefficients) y = y * x + c;
    return y;
}

// Of `length` values the one for step i of n: halves go to the even side.
size_t nearest(size_t i, size_t n, size_t length) {
    if (n <= 1) return length - 1;
    return static_cast<size_t>(std::nearbyint(double(i) * double(length - 1) / double(n - 1)));
}

// "1-3, 7" of the steps where `was` holds.
template <class Was>
std::string runs_of(int64_t steps, Was&& was) {
    std::string text;
    for (int64_t i = 0; i < steps; ++i) {
        if (!was(i)) continue;
        int64_t last = i;
        while (last + 1 < steps && was(last + 1)) ++last;
        text += concat(text.empty() ? "" : ", ", i + 1);
        if (last > i) text += concat('-', last + 1);
        i = last;
    }
    return text.empty() ? "none" : text;
}

}  // namespace

bool continues(std::span<const StepPasses> steps, size_t i) {
    return i > 0 && steps[i].expert == steps[i - 1].expert;
}

void compute_all(std::vector<StepPasses>& steps) {
    for (StepPasses& step : steps) step.computes = {true, step.guided};
}

void plan_tea(const CacheSettings& settings, std::span<const double> changes, std::vector<StepPasses>& steps) {
    require(changes.size() == steps.size(), "TeaCache: ", changes.size(), " changes of ", steps.size(), " steps");
    const bool ret = settings.kind == CacheKind::tea_ret;
    const size_t first = ret ? 5 : 1, last = steps.size() - 1;
    std::array<double, kBranches> sum{};
    plan(
        steps, [&](size_t b) { sum[b] = 0; },
        [&](size_t i, size_t b) {
            if (i < first || (!ret && i == last)) return false;
            sum[b] += polynomial(settings.coefficients, changes[i]);
            return sum[b] < settings.threshold;
        });
}

void plan_mag(const CacheSettings& settings, std::vector<StepPasses>& steps) {
    struct Sum {
        double ratio = 1, error = 0;  // of magnitudes since the last computed pass; how far these were from 1
        int64_t skipped = 0;
    };
    const double passes = 2 * double(steps.size()), first = std::floor(passes * settings.retention);
    std::array<Sum, kBranches> sums;
    for (const auto& ratios : settings.ratios) require(!ratios.empty(), "MagCache: no ratios");
    plan(
        steps, [&](size_t b) { sums[b] = {}; },
        [&](size_t i, size_t b) {
            if (double(2 * i + b) < first) return false;
            Sum& s = sums[b];
            const std::vector<double>& ratios = settings.ratios[b];
            s.ratio *= ratios[nearest(i, steps.size(), ratios.size())];
            s.error += std::abs(1 - s.ratio);
            ++s.skipped;
            return s.error < settings.threshold && s.skipped <= settings.most;
        });
}

int64_t computed_steps(const Tensor& computed) {
    int64_t count = 0;
    const auto values = computed.span<float>();
    for (size_t i = 0; i + 1 < values.size(); i += 2) count += values[i] != 0 || values[i + 1] != 0 ? 1 : 0;
    return count;
}

std::string computed_text(const Tensor& computed) {
    const auto values = computed.span<float>();
    const auto text = [&](size_t b) {
        return runs_of(computed.dim(0), [&](int64_t i) { return values[2 * static_cast<size_t>(i) + b] != 0; });
    };
    const std::string positive = text(0), negative = text(1);
    return positive == negative || negative == "none" ? positive
                                                      : concat("positive ", positive, "; negative ", negative);
}

}  // namespace t3video::sampling
