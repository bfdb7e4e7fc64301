// Step caches over made-up networks, against rules written out once more, step by step, in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "ops/elementwise.h"
#include "sampling/cache/easy_cache.h"
#include "sampling/cache/fit.h"
#include "sampling/cache/passes.h"
#include "sampling/cache/residual_cache.h"
#include "support/errors.h"
#include "support/gradients.h"

namespace t3video::sampling {
namespace {

using namespace testing;
using Doubles = std::vector<double>;
using Flags = std::vector<std::array<bool, 2>>;
constexpr Branch kBoth[] = {Branch::positive, Branch::negative};

// What a run is: which steps are guided, where the transformer changes.
struct Course {
    std::string name;
    int64_t steps;
    std::function<bool(int64_t)> guided = [](int64_t) { return true; };
    int64_t change = -1;

    std::vector<StepPasses> passes() const {
        std::vector<StepPasses> all;
        for (int64_t i = 0; i < steps; ++i) all.push_back({guided(i), change >= 0 && i >= change ? size_t{1} : 0});
        compute_all(all);
        return all;
    }
};

const Course kCourses[] = {
    {"both", 30},
    {"alone", 30, [](int64_t) { return false; }},
    {"interval", 30, [](int64_t i) { return i >= 6 && i < 22; }},
    {"in and out", 40, [](int64_t i) { return i % 9 < 6; }},
    {"experts", 30, [](int64_t) { return true; }, 14},
    {"experts, interval", 33, [](int64_t i) { return i < 25; }, 13},
    {"one step", 1},
    {"three steps", 3},
};

// A network of one element each: a velocity that turns with the sample and time.
double velocity_of(double x, double t, size_t branch, size_t expert) {
    return std::sin(1.3 * x + 2.1 * t + 0.4 * double(branch)) + 0.3 * double(expert) + 0.2 * x * t;
}

double time_of(int64_t i, int64_t n) {
    return 1.0 - double(i) / double(n);
}

// EasyCache as its paper has it, for both branches at once.
Flags easy_by_hand(const Course& course, const CacheSettings& s, Doubles& x) {
    const auto mean = [](const Doubles& a, const Doubles* b = nullptr) {
        double sum = 0;
        for (size_t j = 0; j < a.size(); ++j) sum += std::abs(b ? a[j] - (*b)[j] : a[j]);
        return sum / double(a.size());
    };
    const std::vector<StepPasses> passes = course.passes();
    Flags flags;
    std::optional<Doubles> last, computed_x, v;
    double k = -1;  // none yet
    std::array<std::optional<Doubles>, 2> d;
    double error = 0;
    const int64_t n = course.steps;
    for (int64_t i = 0; i < n; ++i) {
        const size_t expert = passes[size_t(i)].expert;
        if (i > 0 && expert != passes[size_t(i) - 1].expert) {
            last = computed_x = v = std::nullopt;
            k = -1;
            d = {};
        }
        const bool guided = course.guided(i);
        if (!guided) d[1].reset();
        bool compute = true;
        if (i < s.first || i == n - 1) {
            error = 0;
        } else if (last && v && k >= 0) {
            error += k * mean(x, &*last) / mean(*v);
            compute = error >= s.threshold;
            if (compute) error = 0;
        } else {
            error = 0;
        }
        last = x;
        Doubles velocities[2];
        std::array<bool, 2> done{};
        for (size_t b = 0; b < (guided ? 2U : 1U); ++b) {
            Doubles& out = velocities[b];
            done[b] = compute || !d[b];
            if (!done[b]) {
                for (size_t j = 0; j < x.size(); ++j) out.push_back(x[j] + (*d[b])[j]);
                continue;
            }
            for (const double value : x) out.push_back(velocity_of(value, time_of(i, n), b, expert));
            if (b == 0) {
                if (v && computed_x) k = mean(out, &*v) / mean(x, &*computed_x);
                computed_x = x;
                v = out;
            }
            d[b].emplace();
            for (size_t j = 0; j < x.size(); ++j) d[b]->push_back(out[j] - x[j]);
        }
        flags.push_back(done);
        for (size_t j = 0; j < x.size(); ++j) {
            const double with = velocities[0][j],
                         all = guided ? velocities[1][j] + 3 * (with - velocities[1][j]) : with;
            x[j] -= all / double(n);
        }
    }
    return flags;
}

// The same through the cache; begun anew from what it saved after `stop` steps.
struct Outcome {
    Flags flags;
    Tensor x;
};
Outcome easy_by_cache(Context& ctx, const Course& course, const CacheSettings& s, const Tensor& start,
                      int64_t stop = -1) {
    const std::vector<StepPasses> passes = course.passes();
    auto cache = std::make_unique<EasyCache>(s, passes);
    Outcome run{{}, start};
    for (int64_t i = 0; i < course.steps; ++i) {
        if (i == stop) {
            std::map<std::string, Tensor> further;
            cache->save(ctx, further);
            cache = std::make_unique<EasyCache>(s, passes);
            cache->restore(ctx, further);
        }
        cache->begin(ctx, i, run.x);
        std::vector<Tensor> velocities;
        run.flags.push_back({});
        for (const Branch branch : kBoth) {
            if (!passes[size_t(i)].runs(branch)) continue;
            const size_t b = index_of(branch);
            run.flags.back()[b] = cache->computes(branch);
            if (!cache->computes(branch)) {
                velocities.push_back(cache->skipped(ctx, branch, run.x));
                continue;
            }
            Tensor v = clone(ctx, run.x);
            for (float& value : v.span<float>())
                value = float(velocity_of(value, time_of(i, course.steps), b, passes[size_t(i)].expert));
            cache->computed(ctx, branch, run.x, v);
            velocities.push_back(v);
        }
        Tensor v = velocities[0];
        if (velocities.size() > 1)
            v = ops::axpby(ctx, 1.0f, velocities[1], 3.0f, ops::axpby(ctx, 1.0f, v, -1.0f, velocities[1]));
        run.x = ops::axpby(ctx, 1.0f, run.x, float(-1.0 / double(course.steps)), v);
    }
    return run;
}

int64_t count(const Flags& flags, size_t b) {
    return std::ranges::count_if(flags, [&](const auto& step) { return step[b]; });
}

const CacheSettings kEasy[] = {{.kind = CacheKind::easy, .threshold = 0.02, .first = 4},
                               {.kind = CacheKind::easy, .threshold = 0.05, .first = 10},
                               {.kind = CacheKind::easy, .threshold = 0.3, .first = 0}};

TEST(EasyCache, DecidesAsItsRule) {
    Context ctx(2);
    std::set<int64_t> counts;
    for (const Course& course : kCourses) {
        for (const CacheSettings& s : kEasy) {
            const Tensor start = randn(ctx, {7, 11}, 5);
            Doubles x(start.span<float>().begin(), start.span<float>().end());
            const Flags expected = easy_by_hand(course, s, x);
            const Outcome run = easy_by_cache(ctx, course, s, start);
            EXPECT_EQ(run.flags, expected) << course.name << " " << s.threshold;
            for (size_t j = 0; j < x.size(); ++j)
                ASSERT_NEAR(run.x.data<float>()[j], x[j], 2e-5) << course.name << " " << s.threshold;
            counts.insert(count(expected, 0));
        }
    }
    EXPECT_GT(counts.size(), 6U) << "thresholds and courses make a difference";
}

TEST(EasyCache, GoesOnBetweenAnyTwoSteps) {
    Context ctx(2);
    for (const Course& course : kCourses) {
        const Tensor start = randn(ctx, {7, 11}, 5);
        const Outcome whole = easy_by_cache(ctx, course, kEasy[0], start);
        for (int64_t stop = 1; stop < course.steps; ++stop) {
            const Outcome parts = easy_by_cache(ctx, course, kEasy[0], start, stop);
            ASSERT_EQ(parts.flags, whole.flags) << course.name << " stopped after " << stop;
            ASSERT_TRUE(same_bits(parts.x, whole.x)) << course.name << " stopped after " << stop;
        }
    }
}

TEST(EasyCache, ComputesWhereNothingMoves) {
    Context ctx(2);
    std::vector<StepPasses> passes(9);
    EasyCache cache({.kind = CacheKind::easy, .threshold = 0.5, .first = 2}, passes);
    const Tensor x = randn(ctx, {5}, 1), v = randn(ctx, {5}, 2);
    for (int64_t i = 0; i < 9; ++i) {
        cache.begin(ctx, i, x);
        EXPECT_TRUE(cache.computes(Branch::positive)) << i;
        cache.computed(ctx, Branch::positive, x, v);
    }
    EasyCache still({.kind = CacheKind::easy, .threshold = 0.5, .first = 2}, passes);
    for (int64_t i = 0; i < 9; ++i) {  // a network that answers 0: no size to measure by
        const Tensor moving = randn(ctx, {5}, uint32_t(i) + 1);
        still.begin(ctx, i, moving);
        EXPECT_TRUE(still.computes(Branch::positive)) << i;
        still.computed(ctx, Branch::positive, moving, zeros(ctx, {5}));
    }
}

// TeaCache and MagCache, one step after another and both branches in each.
Flags residual_by_hand(const Course& course, const CacheSettings& s, const Doubles& changes) {
    const std::vector<StepPasses> passes = course.passes();
    const int64_t n = course.steps;
    struct State {
        bool remembers = false;
        double a = 0, r = 1, e = 0;
        int64_t skipped = 0;
    } states[2];
    Flags flags;
    for (int64_t i = 0; i < n; ++i) {
        flags.push_back({});
        if (i > 0 && passes[size_t(i)].expert != passes[size_t(i) - 1].expert) states[0] = states[1] = {};
        for (size_t b = 0; b < 2; ++b) {
            State& state = states[b];
            if (b == 1 && !course.guided(i)) {
                state = {};
                continue;
            }
            bool compute = !state.remembers;
            if (s.kind == CacheKind::mag) {
                const double first = std::floor(2.0 * double(n) * s.retention);
                if (!compute && double(2 * i + int64_t(b)) >= first) {
                    const Doubles& list = s.ratios[b];
                    const double at =
                        n == 1 ? double(list.size() - 1) : double(i) * double(list.size() - 1) / double(n - 1);
                    double whole = std::floor(at);
                    if (at - whole > 0.5 || (at - whole == 0.5 && std::fmod(whole, 2) == 1)) whole += 1;
                    state.r *= list[size_t(whole)];
                    state.skipped += 1;
                    state.e += std::abs(1 - state.r);
                    compute = !(state.e < s.threshold && state.skipped <= s.most);
                } else {
                    compute = true;
                }
                if (compute) {
                    state.r = 1;
                    state.e = 0;
                    state.skipped = 0;
                }
            } else {
                const bool ret = s.kind == CacheKind::tea_ret;
                if (compute || (ret ? i < 5 : i < 1 || i == n - 1)) {
                    compute = true;
                    state.a = 0;
                } else {
                    double y = 0;
                    for (size_t p = 0; p < s.coefficients.size(); ++p)
                        y += s.coefficients[p] * std::pow(changes[size_t(i)], double(s.coefficients.size() - 1 - p));
                    state.a += y;
                    compute = !(state.a < s.threshold);
                    if (compute) state.a = 0;
                }
            }
            state.remembers = true;
            flags.back()[b] = compute;
        }
    }
    return flags;
}

Doubles made_up_changes(int64_t n) {
    Doubles changes;
    for (int64_t i = 0; i < n; ++i) changes.push_back(0.01 + 0.05 * std::pow(std::sin(0.37 * double(i) + 0.2), 2));
    return changes;
}

std::vector<CacheSettings> residual_settings() {
    std::vector<CacheSettings> all;
    for (const CacheKind kind : {CacheKind::tea, CacheKind::tea_ret}) {
        for (const double threshold : {0.02, 0.08, 0.2, 100.0})
            all.push_back({.kind = kind, .threshold = threshold, .coefficients = {50, -10, -2, 1.2, 0.003}});
        all.push_back({.kind = kind, .threshold = 0.1, .coefficients = {1e3, -50, 2, 0.1, 1.1, 0.001}});
    }
    for (const size_t length : {2, 7, 30, 61}) {
        CacheSettings s{.kind = CacheKind::mag, .threshold = 0.06, .most = 3, .retention = 0.2};
        for (size_t j = 0; j < length; ++j) {
            s.ratios[0].push_back(1.01 - 0.04 * double(j) / double(length));
            s.ratios[1].push_back(1.005 - 0.03 * double(j) / double(length));
        }
        all.push_back(s);
        s.threshold = 0.02;
        s.retention = 0.05;
        all.push_back(s);
        s.threshold = 10;
        s.most = 1;
        all.push_back(s);
    }
    return all;
}

std::vector<StepPasses> planned(const Course& course, const CacheSettings& s, const Doubles& changes) {
    std::vector<StepPasses> passes = course.passes();
    s.kind == CacheKind::mag ? plan_mag(s, passes) : plan_tea(s, changes, passes);
    return passes;
}

TEST(ResidualCaches, DecideAsTheirRules) {
    std::set<int64_t> counts;
    for (const Course& course : kCourses) {
        for (const CacheSettings& s : residual_settings()) {
            const Doubles changes = made_up_changes(course.steps);
            const Flags expected = residual_by_hand(course, s, changes);
            const auto passes = planned(course, s, changes);
            for (size_t i = 0; i < passes.size(); ++i)
                ASSERT_EQ(passes[i].computes, expected[i]) << course.name << " " << s.threshold << " step " << i;
            counts.insert(count(expected, 0));
        }
    }
    EXPECT_GT(counts.size(), 8U) << "settings and courses make a difference";
}

// A change that is no number, as where an embedding was 0, is no reason to skip.
TEST(ResidualCaches, ComputeWhereAChangeIsNoNumber) {
    std::vector<StepPasses> passes(6);
    plan_tea({.kind = CacheKind::tea, .threshold = 1, .coefficients = {1, 0}},
             std::vector<double>{0, 0.1, NAN, 0.1, INFINITY, 0.1}, passes);
    EXPECT_FALSE(passes[1].computes[0]);
    EXPECT_TRUE(passes[2].computes[0]);
    EXPECT_FALSE(passes[3].computes[0]);
    EXPECT_TRUE(passes[4].computes[0]);
}

// The residual of the last computed pass, wherever it waits, and nothing that no pass will take again.
TEST(ResidualCaches, KeepWhatTheNextPassTakes) {
    Context ctx(2);
    for (const bool on_host : {false, true}) {
        for (const Course& course : kCourses) {
            const CacheSettings s = residual_settings()[2];
            const auto passes = planned(course, s, made_up_changes(course.steps));
            std::array<Tensor, 2> last;
            auto cache = std::make_unique<ResidualCache>(passes, on_host);
            for (int64_t i = 0; i < course.steps; ++i) {
                cache->begin(i);
                for (const Branch branch : kBoth) {
                    const size_t b = index_of(branch);
                    if (!passes[size_t(i)].runs(branch)) continue;
                    ASSERT_EQ(cache->computes(branch), passes[size_t(i)].computes[b]) << course.name << " step " << i;
                    if (!cache->computes(branch)) {
                        ASSERT_TRUE(same_bits(cache->residual(ctx, branch), last[b])) << course.name << " step " << i;
                        continue;
                    }
                    last[b] = randn(ctx, {3, 5}, uint32_t(2 * i) + uint32_t(b));
                    if (cache->is_wanted(branch)) cache->keep(ctx, branch, clone(ctx, last[b]));
                }
                std::map<std::string, Tensor> further;
                cache->save(further);
                size_t needed = 0;
                for (size_t b = 0; b < 2; ++b) {
                    const auto next = size_t(i) + 1;
                    needed += next < passes.size() && passes[next].runs(kBoth[b]) && !passes[next].computes[b] ? 1 : 0;
                }
                ASSERT_LE(needed, further.size());
                if (needed == 0 && i + 1 < course.steps && passes[size_t(i)].computes[0] &&
                    (passes[size_t(i)].computes[1] || !passes[size_t(i)].guided)) {
                    ASSERT_TRUE(further.empty()) << course.name << " step " << i;
                }
                cache = std::make_unique<ResidualCache>(passes, on_host);  // as a resumed film
                cache->begin(i);
                cache->restore(ctx, further);
            }
        }
    }
}

TEST(ResidualCaches, ComputeWhereNothingIsRemembered) {
    std::vector<StepPasses> passes(3);
    passes[1].computes = {false, false};
    ResidualCache cache(passes, false);
    cache.begin(1);
    EXPECT_TRUE(cache.computes(Branch::positive));
}

TEST(ComputedPasses, InWords) {
    Context ctx(1);
    const auto text = [&](const std::vector<float>& flags) {
        return computed_text(from_span(ctx, flags, {int64_t(flags.size()) / 2, 2}));
    };
    EXPECT_EQ(text({1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1}), "1-2, 4, 6");
    EXPECT_EQ(text({1, 1, 1, 1, 0, 1, 1, 1}), "positive 1-2, 4; negative 1-4");
    EXPECT_EQ(text({1, 0, 0, 0, 1, 0}), "1, 3");
    EXPECT_EQ(computed_steps(from_span(ctx, std::vector<float>{1, 0, 0, 0, 0, 1, 1, 1}, {4, 2})), 3);
}

TEST(FitPolynomial, FindsTheOneThatValuesAreOf) {
    const Doubles of{2396.76752, -1311.10545, 201.331979, -8.29855975, 0.137887774};
    Doubles x, y;
    for (int i = 0; i < 49; ++i) {
        x.push_back(0.004 + 0.004 * i);
        double value = 0;
        for (const double c : of) value = value * x.back() + c;
        y.push_back(value);
    }
    const Doubles found = fit_polynomial(x, y, 4);
    ASSERT_EQ(found.size(), of.size());
    for (size_t i = 0; i < of.size(); ++i) EXPECT_NEAR(found[i], of[i], 1e-9 * std::abs(of[i])) << i;
}

// Of what no polynomial says exactly, the nearest: a step to any side is worse.
TEST(FitPolynomial, MissesByTheLeast) {
    Doubles x, y;
    for (int i = 0; i < 20; ++i) {
        x.push_back(0.01 * i + 0.1 * (i % 3));
        y.push_back(std::sin(7.0 * i));
    }
    const auto miss = [&](const Doubles& c) {
        double sum = 0;
        for (size_t i = 0; i < x.size(); ++i) {
            double value = 0;
            for (const double factor : c) value = value * x[i] + factor;
            sum += (value - y[i]) * (value - y[i]);
        }
        return sum;
    };
    const Doubles best = fit_polynomial(x, y, 3);
    for (size_t k = 0; k < best.size(); ++k) {
        for (const double step : {1e-3, -1e-3}) {
            Doubles other = best;
            other[k] += step;
            EXPECT_GT(miss(other), miss(best));
        }
    }
    expect_invalid([] { fit_polynomial(Doubles{1, 2, 2, 1}, Doubles{1, 2, 3, 4}, 2); }, {"2 different values"});
}

}  // namespace
}  // namespace t3video::sampling
