// diffusers' schedulers: its own numbers for each setting that is followed, and refusals of the others.
#include "sampling/diffusers_solver.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "sampling/diffusers_schedules.h"
#include "support/errors.h"
#include "tensor/tensor.h"

namespace t3video::sampling {
namespace {

using nlohmann::json;
using testing::expect_invalid;

SchedulerSettings settings_of(const json& object) {
    SchedulerSettings settings;
    for (const auto& [key, value] : object.items()) settings[key] = value.dump();
    for (auto& [key, value] : settings) std::erase(value, '"');
    return settings;
}

// Made by tools/make_scheduler_table.py.
TEST(DiffusersSolver, GivesDiffusersNumbers) {
    std::ifstream in(T3VIDEO_TEST_DATA "/sampling/diffusers.json");
    const json cases = json::parse(in);
    ASSERT_GE(cases.size(), 20u);
    Context ctx;
    for (const json& c : cases) {
        const std::string name = diffusers_solver_name(c["class"].get<std::string>(), settings_of(c["settings"]));
        SCOPED_TRACE(concat(name, ", ", c["steps"].dump(), " steps"));
        const Solver solver = find_diffusers_solver(name);
        EXPECT_EQ(solver.name, name);
        const Schedule schedule = solver.schedule({.steps = c["steps"], .shift = c["shift"]});
        const auto sigmas = c["sigmas"].get<std::vector<double>>(), times = c["timesteps"].get<std::vector<double>>();
        ASSERT_EQ(schedule.sigmas.size(), sigmas.size());
        for (size_t i = 0; i < sigmas.size(); ++i) EXPECT_NEAR(schedule.sigmas[i], sigmas[i], 2e-7) << "step " << i;
        for (size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(schedule.timesteps[i], times[i], 2e-4) << "step " << i;

        const float start[] = {1.3f, -0.7f, 0.2f};
        size_t calls = 0;
        const Denoiser network = [&](const Tensor& x, double) {
            Tensor velocity = empty(ctx, x.shape());
            const auto xs = x.span<float>();
            for (size_t i = 0; i < xs.size(); ++i)
                velocity.span<float>()[i] = (xs[i] - std::tanh(xs[i])) / static_cast<float>(schedule.sigmas[calls]);
            ++calls;
            return velocity;
        };
        solver.solve(ctx, network, {.x = from_span(ctx, start, {3}), .history = {}}, schedule, [&](SampleState& state) {
            const auto done = static_cast<size_t>(state.step) - 1;
            for (size_t i = 0; i < 3 && done < c["samples"].size(); ++i)
                EXPECT_NEAR(std::as_const(state.x).span<float>()[i], c["samples"][done][i].get<double>(), 4e-6)
                    << "after step " << state.step;
        });
    }
}

TEST(DiffusersSolver, NamesHoldWhatIsNotUsual) {
    EXPECT_EQ(diffusers_solver_name("UniPCMultistepScheduler", {}), "UniPCMultistepScheduler");
    EXPECT_EQ(diffusers_solver_name("UniPCMultistepScheduler", {{"solver_order", "2"},
                                                                {"solver_type", "bh2"},
                                                                {"beta_start", "0.5"},
                                                                {"timestep_spacing", "trailing"},
                                                                {"of_another_class", "true"}}),
              "UniPCMultistepScheduler");
    EXPECT_EQ(diffusers_solver_name("UniPCMultistepScheduler", {{"use_karras_sigmas", "true"}, {"solver_order", "3"}}),
              "UniPCMultistepScheduler:solver_order=3,use_karras_sigmas=true");
    EXPECT_EQ(diffusers_solver_name("DPMSolverMultistepScheduler", {{"solver_type", "bh2"}, {"solver_order", "3"}}),
              "DPMSolverMultistepScheduler:solver_order=3");
    EXPECT_EQ(find_diffusers_solver("UniPCMultistepScheduler:solver_order=2").name, "UniPCMultistepScheduler");
}

TEST(DiffusersSolver, NamesWhatIsNotFollowed) {
    const auto refused = [](const char* name, const SchedulerSettings& settings, const char* says) {
        expect_invalid([&] { diffusers_solver_name(name, settings); }, {name, says});
    };
    constexpr const char *kUnipc = "UniPCMultistepScheduler", *kDpm = "DPMSolverMultistepScheduler",
                         *kEuler = "FlowMatchEulerDiscreteScheduler";
    refused(kUnipc, {{"use_beta_sigmas", "true"}}, "use_beta_sigmas true is not followed; expected false");
    refused(kUnipc, {{"use_exponential_sigmas", "true"}}, "use_exponential_sigmas true is not followed");
    refused(kUnipc, {{"use_flow_sigmas", "false"}}, "use_flow_sigmas false is not followed; expected true");
    refused(kUnipc, {{"solver_order", "6"}}, "solver_order 6 is not followed; expected 2, 1, 3, 4 or 5");
    refused(kUnipc, {{"prediction_type", "epsilon"}}, "prediction_type epsilon is not followed");
    refused(kUnipc, {{"disable_corrector", "[0,1]"}}, "disable_corrector [0,1] is not followed");
    refused(kUnipc, {{"lower_order_final", "false"}}, "lower_order_final false is not followed");
    refused(kUnipc, {{"final_sigmas_type", "sigma_min"}}, "final_sigmas_type sigma_min is not followed");
    refused(kUnipc, {{"use_karras_sigmas", "true"}, {"beta_schedule", "scaled_linear"}},
            "beta_schedule scaled_linear is not followed");
    refused(kDpm, {{"algorithm_type", "sde-dpmsolver++"}}, "algorithm_type sde-dpmsolver++ is not followed");
    refused(kDpm, {{"use_karras_sigmas", "true"}}, "use_karras_sigmas true is not followed");
    refused(kDpm, {{"use_lu_lambdas", "true"}}, "use_lu_lambdas true is not followed");
    refused(kEuler, {{"use_dynamic_shifting", "true"}}, "use_dynamic_shifting true is not followed");
    refused(kEuler, {{"stochastic_sampling", "true"}}, "stochastic_sampling true is not followed");
    refused(kEuler, {{"invert_sigmas", "true"}}, "invert_sigmas true is not followed");
    refused(kEuler, {{"use_karras_sigmas", "true"}, {"use_beta_sigmas", "true"}}, "exclude one another");
    refused(kEuler, {{"shift_terminal", "1.5"}}, "shift_terminal 1.5 is not followed; leave it out");
    expect_invalid([] { diffusers_solver_name("DDIMScheduler", {}); },
                   {"unknown scheduler class 'DDIMScheduler'", "UniPCMultistepScheduler, DPMSolverMultistepScheduler"});
    for (const char* name : {"UniPCMultistepScheduler:solver_order", "UniPCMultistepScheduler:solver_order=x",
                             "UniPCMultistepScheduler:of=3", "UniPCMultistepScheduler:,", "UniPC:solver_order=3"})
        EXPECT_THROW(find_diffusers_solver(name), InvalidRequest) << name;
}

TEST(BetaQuantile, InvertsTheDistribution) {
    EXPECT_EQ(beta_quantile(0, 0.6), 0);
    EXPECT_EQ(beta_quantile(1, 0.6), 1);
    EXPECT_DOUBLE_EQ(beta_quantile(0.5, 0.6), 0.5);
    // With a = 1 the distribution is uniform, with a = 1/2 the arcsine's: sin(pi p/2)^2.
    for (const double p : {0.001, 0.1, 0.37, 0.5, 0.8, 0.999}) {
        EXPECT_NEAR(beta_quantile(p, 1.0), p, 1e-14);
        const double s = std::sin(std::acos(-1.0) * p / 2);
        EXPECT_NEAR(beta_quantile(p, 0.5), s * s, 1e-13);
    }
}

}  // namespace
}  // namespace t3video::sampling
