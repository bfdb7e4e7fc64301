// t3video module train-step on input that is wrong: one line that says what, and exit code 2.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>

#include "checkpoint/tensor_source.h"
#include "support/program.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

const std::string kModel = test_data() + "golden/wan21-tiny/";

using Tensors = std::map<std::string, Tensor>;

// Of three frames of 4x6 latent pixels, enough for two tokens across.
Tensors sample() {
    Context ctx;
    const auto number = [&](float value) { return from_span(ctx, {&value, 1}, {1}); };
    return {{"latents", randn(ctx, {1, 16, 3, 4, 6}, 1)},
            {"noise", randn(ctx, {1, 16, 3, 4, 6}, 2)},
            {"context", randn(ctx, {1, 5, 64}, 3)},
            {"timestep", number(500)},
            {"sigma", number(0.5f)},
            {"weight", number(1)}};
}

Outcome train_step(const Tensors& tensors, const std::vector<std::string>& flags = {}) {
    const TemporaryFolder folder;
    checkpoint::save_safetensors(folder / "case.safetensors", tensors);
    std::vector<std::string> command{"module",      "train-step",
                                     "--model",     kModel + "model",
                                     "--in",        folder / "case.safetensors",
                                     "--out",       folder / "out.safetensors",
                                     "--attention", "full"};
    command.insert(command.end(), flags.begin(), flags.end());
    return run_program(command);
}

void expect_refused(const Outcome& outcome, const std::vector<std::string>& parts) {
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    for (const std::string& part : parts) EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
}

TEST(TrainStepModule, TakesAnySize) {
    const Outcome outcome = train_step(sample(), {"--first-frame"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST(TrainStepModule, RefusesShapesThatDoNotFit) {
    Context ctx;
    const auto with = [&](std::vector<std::string> names, const Shape& shape) {
        Tensors tensors = sample();
        for (const std::string& name : names) tensors[name] = randn(ctx, shape, 4);
        return tensors;
    };
    expect_refused(train_step(with({"noise"}, {1, 16, 3, 4, 8})), {"case.safetensors", "noise", "[16, 3, 4, 8]"});
    expect_refused(train_step(with({"latents", "noise"}, {1, 16, 3, 3, 6})), {"latents", "even rows"});
    expect_refused(train_step(with({"latents", "noise"}, {1, 48, 3, 4, 6})), {"latents", "16 channels"});
    expect_refused(train_step(with({"context"}, {1, 5, 63})), {"context", "of 64"});
    expect_refused(train_step(with({"context"}, {1, 0, 64})), {"context", "one row"});
    expect_refused(train_step(with({"latents", "noise"}, {1, 16, 1, 4, 6}), {"--first-frame"}),
                   {"--first-frame", "one latent frame"});
    Tensors without = sample();
    without.erase("sigma");
    expect_refused(train_step(without), {"case.safetensors", "sigma"});
}

TEST(TrainStepModule, RefusesNumbersThatAreNone) {
    Context ctx;
    const auto with = [&](const std::string& name, float value) {
        Tensors tensors = sample();
        tensors[name] = from_span(ctx, {&value, 1}, {1});
        return tensors;
    };
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    for (const float value : {-0.1f, 1.1f, kNan}) expect_refused(train_step(with("sigma", value)), {"sigma", "0 to 1"});
    for (const float value : {-5.0f, 1001.0f, kNan})
        expect_refused(train_step(with("timestep", value)), {"timestep", "0 to 1000"});
    expect_refused(train_step(with("weight", kNan)), {"weight"});
    expect_refused(train_step(sample(), {"--stream", "f16"}), {"--stream f16", "f32 or bf16"});
    expect_refused(train_step(sample(), {"--first-frame-clean"}), {"--first-frame-clean", "--first-frame"});
}

}  // namespace
}  // namespace t3video
