// Rules of few-step students against their formulas in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/error.h"
#include "sampling/rcm.h"
#include "sampling/renoise.h"
#include "support/errors.h"
#include "support/tensors.h"

namespace t3video::sampling {
namespace {

using testing::doubles;
using testing::expect_invalid;
using testing::randn;
using testing::relative_error;

constexpr int64_t kSize = 33;

// A made-up velocity that depends on the sample and on the time, which a network receives in f32.
double velocity_at(double x, double time) {
    return std::sin(3 * x) + x * time / 1000 - 0.3;
}

Denoiser network(Context& ctx) {
    return [&ctx](const Tensor& x, double time) {
        Tensor v = empty_like(ctx, x);
        for (size_t i = 0; i < x.span<float>().size(); ++i)
            v.span<float>()[i] = static_cast<float>(velocity_at(x.span<float>()[i], time));
        return v;
    };
}

// Draw k of the run, from 0; asks for others are counted.
struct Draws {
    Context& ctx;
    std::vector<int64_t> asked = {};

    Tensor at(int64_t draw) const { return randn(ctx, {kSize}, static_cast<uint32_t>(100 + draw)); }
    NoiseDraws function() {
        return [this](int64_t draw) {
            asked.push_back(draw);
            return at(draw);
        };
    }
};

// Levels and times of a run, and x after each step, in double precision; the velocity is rounded to f32, as networks
// give it, and is of x rounded to f32 and of a time rounded to f32.
std::vector<std::vector<double>> reference(Context& ctx, const Draws& draws, const std::vector<double>& sigmas,
                                           const std::vector<double>& times) {
    std::vector<double> x = doubles(ctx, draws.at(0));
    for (double& value : x) value *= sigmas[0];
    std::vector<std::vector<double>> trace;
    for (size_t i = 0; i < times.size(); ++i) {
        const double next = i + 1 < sigmas.size() ? sigmas[i + 1] : 0;
        const std::vector<double> fresh = doubles(ctx, draws.at(static_cast<int64_t>(i) + 1));
        for (size_t j = 0; j < x.size(); ++j) {
            const auto seen = double(float(x[j]));
            const auto v = double(float(velocity_at(seen, double(float(times[i])))));
            const double clean = x[j] - sigmas[i] * v;
            x[j] = (1 - next) * clean + next * fresh[j];
        }
        trace.push_back(x);
    }
    return trace;
}

double warped(double t, double shift) {
    return shift * t / 1000 / (1 + (shift - 1) * t / 1000);
}

struct RuleCase {
    const char* name;
    int64_t steps;
    double shift;
    std::vector<double> sigmas, times;
};

std::vector<RuleCase> rule_cases() {
    std::vector<RuleCase> cases = {
        // 757 and 522 are the times 280 and 120 warped by 8, to whole numbers.
        {"renoise", 3, 8, {1, warped(280, 8), warped(120, 8)}, {1000, 757, 522}},
        // By 5, 384 and 179 come nearest: 757.1 and 521.6.
        {"renoise", 3, 5, {1, warped(384, 5), warped(179, 5)}, {1000, 757, 522}},
        {"renoise:timesteps=1000/750/500/250,warp=true", 4, 5, {1, 0.9375, 5.0 / 6, 0.625}, {}},
        {"renoise:timesteps=1000/300,warp=true", 2, 3, {1, warped(300, 3)}, {}},
        {"renoise:timesteps=1000/500", 2, 1, {1, 0.5}, {1000, 500}},
    };
    for (const double sigma_max : {80.0, 200.0}) {
        for (const int64_t steps : {1, 2, 3, 4}) {
            const double angles[] = {std::atan(sigma_max), 1.5, 1.4, 1.0};
            RuleCase c{sigma_max == 80 ? "rcm" : "rcm:sigma_max=200", steps, 5, {}, {}};
            for (int64_t i = 0; i < steps; ++i) c.sigmas.push_back(std::tan(angles[i]) / (1 + std::tan(angles[i])));
            cases.push_back(c);
        }
    }
    for (RuleCase& c : cases)
        for (size_t i = c.times.size(); i < c.sigmas.size(); ++i) c.times.push_back(1000 * c.sigmas[i]);
    return cases;
}

TEST(Students, FollowTheirFormulas) {
    Context ctx;
    for (const RuleCase& c : rule_cases()) {
        SCOPED_TRACE(concat(c.name, ", ", c.steps, " steps, shift ", c.shift));
        const Solver solver = find_solver(c.name);
        EXPECT_EQ(solver.name, c.name);
        const Schedule schedule = solver.schedule({c.steps, c.shift, 1.0});
        ASSERT_EQ(schedule.steps(), c.steps);
        for (size_t i = 0; i < c.sigmas.size(); ++i) {
            EXPECT_NEAR(schedule.sigmas[i], c.sigmas[i], 6e-8) << i;
            EXPECT_NEAR(schedule.timesteps[i], c.times[i], 6e-5) << i;
        }
        EXPECT_EQ(schedule.sigmas.back(), 0);

        Draws draws{ctx};
        const auto expected = reference(ctx, draws, c.sigmas, c.times);
        std::vector<double> errors;
        const StepObserver observer = [&](SampleState& state) {
            errors.push_back(relative_error(state.x, expected[static_cast<size_t>(state.step) - 1]));
        };
        const Tensor x = solver.solve(ctx, network(ctx), solver.start(ctx, draws.at(0), schedule), schedule, observer,
                                      draws.function());
        ASSERT_EQ(errors.size(), expected.size());
        for (const double error : errors) EXPECT_LT(error, 1e-6);
        EXPECT_EQ(relative_error(x, expected.back()), errors.back());
        std::vector<int64_t> in_order;
        for (int64_t draw = 1; draw < c.steps; ++draw) in_order.push_back(draw);
        EXPECT_EQ(draws.asked, in_order) << "the last step draws nothing";
    }
}

// Where a velocity is so small that the sample is all that counts, f32 would lose it after a step or two.
TEST(Students, RcmKeepsTheSampleInDoublePrecision) {
    Context ctx;
    const Solver solver = find_solver("rcm");
    const Schedule schedule = solver.schedule({4, 5.0, 1.0});
    Draws draws{ctx};
    const auto expected = [&] {
        RuleCase c;
        for (const double angle : {std::atan(80.0), 1.5, 1.4, 1.0})
            c.sigmas.push_back(std::tan(angle) / (1 + std::tan(angle)));
        std::vector<double> times = c.sigmas;
        for (double& t : times) t *= 1000;
        return reference(ctx, draws, c.sigmas, times);
    }();
    const StepObserver observer = [&](SampleState& state) {
        ASSERT_EQ(state.history.size(), 1u);
        const auto high = doubles(ctx, state.x), low = doubles(ctx, state.history[0]);
        for (size_t i = 0; i < high.size(); ++i) {
            EXPECT_NEAR(high[i] + low[i], expected[static_cast<size_t>(state.step) - 1][i], 2e-13) << state.step;
            EXPECT_EQ(float(high[i] + low[i]), float(high[i]));
        }
    };
    solver.solve(ctx, network(ctx), solver.start(ctx, draws.at(0), schedule), schedule, observer, draws.function());
}

TEST(Students, ResumeBitForBitBetweenAnyTwoSteps) {
    Context ctx;
    for (const RuleCase& c : rule_cases()) {
        const Solver solver = find_solver(c.name);
        const Schedule schedule = solver.schedule({c.steps, c.shift, 1.0});
        Draws draws{ctx};
        std::vector<SampleState> states{solver.start(ctx, draws.at(0), schedule)};
        const Tensor whole = solver.solve(
            ctx, network(ctx), states[0], schedule, [&](SampleState& state) { states.push_back(state); },
            draws.function());
        for (const SampleState& state : states) {
            const Tensor rest = solver.solve(ctx, network(ctx), state, schedule, {}, draws.function());
            EXPECT_TRUE(std::ranges::equal(rest.span<float>(), whole.span<float>()))
                << c.name << " from step " << state.step;
        }
    }
}

TEST(Students, HaveSettingsOfTheirOwn) {
    const auto of = [](const char* name) { return find_solver(name).students.value(); };
    EXPECT_EQ(of("renoise").steps, 3);
    EXPECT_EQ(of("renoise").shift, 8);
    EXPECT_EQ(of("renoise").cfg, 1);
    EXPECT_EQ(of("renoise:timesteps=1000/750/500/250,warp=true").steps, 4);
    EXPECT_EQ(of("renoise:timesteps=1000/750/500/250,warp=true").shift, 5);
    EXPECT_EQ(of("rcm").steps, 4);
    EXPECT_EQ(of("rcm").cfg, 1);
    for (const char* name : {"euler", "unipc", "dpm++"}) EXPECT_FALSE(find_solver(name).students) << name;
    EXPECT_EQ(find_solver("renoise:warp=false,timesteps=1000/757/522").name, "renoise");
    EXPECT_EQ(find_solver("rcm:sigma_max=80").name, "rcm");
}

TEST(Students, RefuseWhatTheyAreNotMadeFor) {
    const auto schedule = [](const char* name, int64_t steps, double strength = 1) {
        return [=] { find_solver(name).schedule({steps, 5.0, strength}); };
    };
    expect_invalid(schedule("renoise", 4), {"steps: found 4, expected 3", "1000/757/522"});
    expect_invalid(schedule("renoise:timesteps=1000/750/500/250,warp=true", 3), {"expected 4", "1000/750/500/250"});
    expect_invalid(schedule("rcm", 5), {"steps: found 5, expected 1 to 4"});
    expect_invalid(schedule("rcm", 0), {"steps: found 0"});
    expect_invalid(schedule("renoise", 3, 0.5), {"strength: found 0.5", "renoise"});
    expect_invalid(schedule("rcm", 4, 0.5), {"strength: found 0.5", "rcm"});
    const auto named = [](const char* name) { return [=] { find_solver(name); }; };
    for (const char* list :
         {"", "1000/", "757/522", "1000/1000", "1000/522/757", "1000/x", "1000/0", "1000;757", "1e3"})
        expect_invalid(named(concat("renoise:timesteps=", list).c_str()), {"whole numbers from 1000 down"});
    expect_invalid(named("renoise:warp=yes"), {"solver renoise:warp=yes: warp is yes, expected true or false"});
    expect_invalid(named("renoise:shift=5"), {"renoise has no setting 'shift'; it has timesteps and warp"});
    expect_invalid(named("renoise:warp=true,warp=false"), {"warp is given twice"});
    expect_invalid(named("renoise:warp"), {"expected NAME=VALUE"});
    expect_invalid(named("rcm:steps=4"), {"solver rcm:steps=4: rcm has no setting 'steps'; it has sigma_max"});
    for (const char* sigma : {"0", "14", "-80", "x", "nan", "inf", "1e7"})
        expect_invalid(named(concat("rcm:sigma_max=", sigma).c_str()),
                       {concat("solver rcm:sigma_max=", sigma, ": "), "expected more than 14.1"});
    expect_invalid(named("euler:order=2"), {"solver euler:order=2: expected", "renoise, rcm"});
    expect_invalid(named("renoisy"), {"solver renoisy: expected"});
}

TEST(Students, NeedNoiseThatFits) {
    Context ctx;
    for (const char* name : {"renoise", "rcm"}) {
        const Solver solver = find_solver(name);
        const Schedule schedule = solver.schedule({solver.students->steps, 8.0, 1.0});
        const auto start = solver.start(ctx, randn(ctx, {kSize}, 1), schedule);
        EXPECT_THROW(solver.solve(ctx, network(ctx), start, schedule), Error) << name;
        EXPECT_THROW(
            solver.solve(ctx, network(ctx), start, schedule, {}, [&](int64_t) { return randn(ctx, {kSize + 1}, 1); }),
            Error)
            << name;
        SampleState other = start;
        other.history = {start.x, start.x};
        EXPECT_THROW(solver.solve(ctx, network(ctx), other, schedule), Error) << name;
    }
}

}  // namespace
}  // namespace t3video::sampling
