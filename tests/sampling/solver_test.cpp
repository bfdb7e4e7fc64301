// Solvers: reference traces, closed forms, resuming, names.
#include "sampling/solver.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "checkpoint/tensor_source.h"
#include "core/error.h"
#include "sampling/diffusers_solver.h"
#include "support/tensors.h"

namespace t3video::sampling {
namespace {

using t3video::testing::relative_error;

SampleState start_from(Tensor x) {
    SampleState state;
    state.x = std::move(x);
    return state;
}

struct TraceCase {
    const char* solver;
    int64_t steps;
    double shift;
};

TEST(Solvers, MatchReferenceTraces) {
    const TraceCase cases[] = {
        {"euler", 8, 5.0}, {"unipc", 8, 5.0}, {"unipc", 20, 3.0}, {"dpm++", 8, 5.0}, {"dpm++", 20, 3.0}};
    const auto golden = checkpoint::open_tensors(T3VIDEO_TEST_DATA "/golden/solver_traces.safetensors");
    Context ctx;
    for (size_t k = 0; k < std::size(cases); ++k) {
        const auto at = [&](const char* name) { return golden.at(concat("t", k, ".", name)); };
        const Solver solver = find_solver(cases[k].solver);
        const Schedule schedule = solver.schedule({cases[k].steps, cases[k].shift, 1.0});

        const Tensor sigmas = at("sigmas"), timesteps = at("timesteps");
        for (size_t i = 0; i < sigmas.span<float>().size(); ++i) {
            EXPECT_NEAR(schedule.sigmas[i], sigmas.span<float>()[i], 1e-7)
                << solver.name << " case " << k << " step " << i;
        }
        for (size_t i = 0; i < schedule.timesteps.size(); ++i) {
            EXPECT_NEAR(schedule.timesteps[i], timesteps.span<float>()[i], 1e-4)
                << solver.name << " case " << k << " step " << i;
        }

        const Tensor outputs = at("model_outputs"), trace = at("trace"), noise = at("noise");
        int64_t calls = 0;
        const Denoiser denoiser = [&](const Tensor& x, double) {
            ++calls;
            return outputs.slice(calls - 1, calls).reshape(x.shape());
        };
        const StepObserver observer = [&](SampleState& state) {
            const Tensor expected = trace.slice(state.step - 1, state.step);
            EXPECT_LT(relative_error(state.x, expected), 1e-6)
                << solver.name << " case " << k << " after step " << state.step;
        };
        solver.solve(ctx, denoiser, start_from(noise), schedule, observer);
        EXPECT_EQ(calls, cases[k].steps);
    }
}

// Clean sample predicted as target(x), so v = (x - target(x))/sigma.
template <class Target>
Denoiser predicting(Context& ctx, const Schedule& schedule, Target target) {
    return [&ctx, &schedule, target, step = size_t{0}](const Tensor& x, double t) mutable {
        while (schedule.timesteps[step] != t) ++step;
        Tensor v = empty_like(ctx, x);
        const auto xs = std::as_const(x).span<float>();
        for (size_t i = 0; i < xs.size(); ++i) {
            v.span<float>()[i] = static_cast<float>((xs[i] - target(i, xs[i])) / schedule.sigmas[step]);
        }
        return v;
    };
}

TEST(Solvers, FollowTheScalarProblem) {
    struct ScalarCase {
        const char* solver;
        double samples[7];
    };
    // x0 prediction tanh(x), 6 steps, shift 5, from 1.3, in double precision.
    const ScalarCase cases[] = {
        {"euler", {1.3, 1.2831432, 1.2599165, 1.2258435, 1.1709187, 1.0670130, 0.7883332}},
        {"unipc", {1.3, 1.2831302, 1.2597862, 1.2253431, 1.1695447, 1.0620818, 0.7864593}},
        {"dpm++", {1.3, 1.2831432, 1.2599165, 1.2256456, 1.1700458, 1.0629423, 0.7867874}},
    };
    Context ctx;
    for (const ScalarCase& c : cases) {
        const Solver solver = find_solver(c.solver);
        const Schedule schedule = solver.schedule({6, 5.0, 1.0});
        const auto denoiser = predicting(ctx, schedule, [](size_t, double x) { return std::tanh(x); });
        const StepObserver observer = [&](SampleState& state) {
            EXPECT_NEAR(state.x.span<float>()[0], c.samples[state.step], 2e-6)
                << c.solver << " after step " << state.step;
        };
        const float start = 1.3f;
        solver.solve(ctx, denoiser, start_from(from_span(ctx, {&start, 1}, {1})), schedule, observer);
    }
}

std::vector<Solver> every_solver() {
    std::vector<Solver> all(solvers().begin(), solvers().end());
    for (const char* name :
         {"UniPCMultistepScheduler", "UniPCMultistepScheduler:solver_order=1", "UniPCMultistepScheduler:solver_order=3",
          "UniPCMultistepScheduler:solver_order=4,solver_type=bh1", "UniPCMultistepScheduler:use_karras_sigmas=true",
          "DPMSolverMultistepScheduler", "DPMSolverMultistepScheduler:solver_order=1",
          "DPMSolverMultistepScheduler:solver_order=3", "DPMSolverMultistepScheduler:solver_type=heun",
          "FlowMatchEulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler:use_beta_sigmas=true"})
        all.push_back(find_diffusers_solver(name));
    return all;
}

// With a constant clean sample the path is a straight line, which every solver follows exactly.
TEST(Solvers, AreExactForAConstantCleanSample) {
    const float clean[] = {0.5f, -1.25f, 2.0f, 0.0f};
    const float noise[] = {1.0f, 0.75f, -2.0f, -0.5f};
    Context ctx;
    for (const Solver& solver : every_solver()) {
        for (const int64_t steps : {1, 2, 3, 4, 25}) {
            const Schedule schedule = solver.schedule({steps, 5.0, 1.0});
            const auto line = [&](double sigma, size_t i) { return (1.0 - sigma) * clean[i] + sigma * noise[i]; };
            const auto denoiser = predicting(ctx, schedule, [&](size_t i, double) { return double{clean[i]}; });
            const StepObserver observer = [&](SampleState& state) {
                for (size_t i = 0; i < 4; ++i) {
                    const double sigma = schedule.sigmas[static_cast<size_t>(state.step)];
                    EXPECT_NEAR(state.x.span<float>()[i], line(sigma, i), 3e-6)
                        << solver.name << ", " << steps << " steps, after step " << state.step;
                }
            };
            Tensor x = empty(ctx, {4});
            for (size_t i = 0; i < 4; ++i) x.span<float>()[i] = static_cast<float>(line(schedule.sigmas[0], i));
            const Tensor result = solver.solve(ctx, denoiser, start_from(x), schedule, observer);
            for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(result.span<float>()[i], clean[i], 3e-6);
        }
    }
}

const auto kBent = [](size_t, double x) { return std::tanh(x); };  // a problem on which all orders differ

Tensor small_noise(Context& ctx) {
    const float noise[] = {1.3f, -0.7f, 0.2f};
    return from_span(ctx, noise, {3});
}

std::vector<float> values_of(const Tensor& x) {
    const auto span = x.span<float>();
    return {span.begin(), span.end()};
}

TEST(Solvers, ResumeBitForBitFromAnyStep) {
    Context ctx;
    for (const Solver& solver : every_solver()) {
        const Schedule schedule = solver.schedule({7, 5.0, 1.0});
        std::vector<SampleState> states;
        const Tensor whole = solver.solve(ctx, predicting(ctx, schedule, kBent), start_from(small_noise(ctx)), schedule,
                                          [&](SampleState& state) { states.push_back(state); });
        ASSERT_EQ(states.size(), 7u);
        for (const SampleState& state : states) {
            const Tensor rest = solver.solve(ctx, predicting(ctx, schedule, kBent), state, schedule, {});
            EXPECT_EQ(values_of(rest), values_of(whole)) << solver.name << " from step " << state.step;
        }
    }
}

// What others remember stays with the sample, in every state and in those that they are resumed from.
TEST(Solvers, HandOnWhatOthersRemember) {
    Context ctx;
    for (const Solver& solver : every_solver()) {
        const Schedule schedule = solver.schedule({4, 5.0, 1.0});
        const Tensor plain =
            solver.solve(ctx, predicting(ctx, schedule, kBent), start_from(small_noise(ctx)), schedule, {});
        SampleState start = start_from(small_noise(ctx));
        start.further["cache.residual"] = from_span(ctx, std::array{4.0f, 5.0f}, {2});
        const StepObserver observer = [&](SampleState& state) {
            ASSERT_EQ(state.further.size(), 1u) << solver.name;
            EXPECT_EQ(values_of(state.further.at("cache.residual")),
                      (std::vector<float>{4 + float(state.step - 1), 5}));
            state.further["cache.residual"].span<float>()[0] += 1;
        };
        EXPECT_EQ(values_of(solver.solve(ctx, predicting(ctx, schedule, kBent), start, schedule, observer)),
                  values_of(plain));
    }
}

TEST(Solvers, WithoutHistoryStartAgainAtOrderOne) {
    Context ctx;
    for (const char* name : {"unipc", "dpm++"}) {
        const Solver solver = find_solver(name);
        const Schedule schedule = solver.schedule({7, 5.0, 1.0});
        SampleState kept;
        const Tensor whole = solver.solve(ctx, predicting(ctx, schedule, kBent), start_from(small_noise(ctx)), schedule,
                                          [&](SampleState& state) {
                                              if (state.step == 4) kept = state;
                                          });
        kept.history.clear();
        const Tensor rest = solver.solve(ctx, predicting(ctx, schedule, kBent), kept, schedule, {});
        EXPECT_NE(values_of(rest), values_of(whole));
        for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(values_of(rest)[i], values_of(whole)[i], 0.05);
    }
}

// Image conditioning: the observer writes into the sample, and the network sees what it wrote.
TEST(Solvers, ObserverMayReplaceTheSample) {
    Context ctx;
    for (const Solver& solver : every_solver()) {
        const Schedule schedule = solver.schedule({5, 5.0, 1.0});
        Tensor x = small_noise(ctx);
        x.span<float>()[0] = 9.0f;
        const Denoiser inner = predicting(ctx, schedule, kBent);
        const Denoiser denoiser = [&](const Tensor& sample, double t) {
            EXPECT_EQ(sample.span<float>()[0], 9.0f);
            return inner(sample, t);
        };
        const StepObserver observer = [](SampleState& state) { state.x.span<float>()[0] = 9.0f; };
        const Tensor result = solver.solve(ctx, denoiser, start_from(x), schedule, observer);
        EXPECT_EQ(result.span<float>()[0], 9.0f) << solver.name;
        EXPECT_NE(result.span<float>()[1], 9.0f) << solver.name;
    }
}

TEST(Solvers, LeaveTheCallersNoiseAlone) {
    Context ctx;
    for (const Solver& solver : every_solver()) {
        const Schedule schedule = solver.schedule({3, 5.0, 1.0});
        const Tensor noise = small_noise(ctx);
        solver.solve(ctx, predicting(ctx, schedule, kBent), start_from(noise), schedule,
                     [](SampleState& state) { state.x.span<float>()[0] = 0.0f; });
        EXPECT_EQ(values_of(noise), values_of(small_noise(ctx))) << solver.name;
    }
}

TEST(Solvers, RejectStatesThatDoNotFit) {
    Context ctx;
    for (const Solver& solver : every_solver()) {
        const Schedule schedule = solver.schedule({3, 5.0, 1.0});
        const auto denoiser = predicting(ctx, schedule, kBent);
        SampleState late = start_from(small_noise(ctx));
        late.step = 4;
        EXPECT_THROW(solver.solve(ctx, denoiser, late, schedule, {}), Error);
        SampleState early_history = start_from(small_noise(ctx));
        early_history.history = {small_noise(ctx), small_noise(ctx), small_noise(ctx)};
        EXPECT_THROW(solver.solve(ctx, denoiser, early_history, schedule, {}), Error);
        EXPECT_THROW(solver.solve(ctx, denoiser, SampleState{}, schedule, {}), Error);
        const Denoiser wrong_shape = [&](const Tensor&, double) { return empty(ctx, {2}); };
        EXPECT_THROW(solver.solve(ctx, wrong_shape, start_from(small_noise(ctx)), schedule, {}), Error);
    }
}

TEST(Solvers, AreFoundByName) {
    EXPECT_EQ(find_solver("dpm++").name, "dpm++");
    try {
        find_solver("heun");
        FAIL();
    } catch (const InvalidRequest& error) {
        EXPECT_STREQ(error.what(),
                     "solver heun: expected one of: euler, unipc, dpm++, renoise, rcm; or a scheduler of diffusers: "
                     "UniPCMultistepScheduler, DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler");
    }
    EXPECT_THROW(find_solver(""), InvalidRequest);
}

}  // namespace
}  // namespace t3video::sampling
