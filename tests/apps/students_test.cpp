// Few-step students from the outside: rules on tensors from a file, films, their records, what is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "checkpoint/tensor_source.h"
#include "support/program.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;

// A film of one frame by the demo model.
std::vector<std::string> film_words(const fs::path& output, const std::vector<std::string>& further) {
    std::vector<std::string> words{"generate", "-p", "A red ball.", "--size", "64x64", "--frames", "1", "-o", output};
    words.insert(words.end(), further.begin(), further.end());
    return words;
}

TEST(StudentRules, RunOnTensorsFromAFile) {
    const TemporaryFolder folder;
    Context ctx;
    constexpr int64_t kSteps = 3, kSize = 17;
    const Tensor noise = randn(ctx, {1, kSize}, 1), outputs = randn(ctx, {kSteps, 1, kSize}, 2),
                 draws = randn(ctx, {kSteps - 1, 1, kSize}, 3);
    checkpoint::save_safetensors(folder / "in.safetensors",
                                 {{"noise", noise}, {"model_outputs", outputs}, {"draws", draws}});
    struct Rule {
        std::string name;
        double sigmas[kSteps];
        double start;
    };
    const auto of_angle = [](double angle) { return std::tan(angle) / (1 + std::tan(angle)); };
    const double first = of_angle(std::atan(200.0));
    for (const Rule& rule : {Rule{"renoise:timesteps=1000/750/250,warp=true", {1, 0.9, 0.5}, 1},
                             Rule{"rcm:sigma_max=200", {first, of_angle(1.5), of_angle(1.4)}, first}}) {
        const Outcome outcome =
            run_program({"module", "solver", "--in", folder / "in.safetensors", "--out", folder / "out.safetensors",
                         "--solver", rule.name, "--steps", "3", "--shift", "3"});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        const auto out = checkpoint::open_tensors(folder / "out.safetensors");
        std::vector<double> x = doubles(ctx, noise);
        for (double& value : x) value *= rule.start;
        for (int64_t i = 0; i < kSteps; ++i) {
            const double sigma = rule.sigmas[i], next = i + 1 < kSteps ? rule.sigmas[i + 1] : 0;
            for (int64_t j = 0; j < kSize; ++j) {
                const double v = outputs.data<float>()[i * kSize + j];
                const double fresh = next > 0 ? draws.data<float>()[i * kSize + j] : 0;
                auto& value = x[static_cast<size_t>(j)];
                value = (1 - next) * (value - sigma * v) + next * fresh;
            }
            EXPECT_NEAR(out.at("sigmas").data<float>()[i], sigma, 1e-7);
            EXPECT_NEAR(out.at("timesteps").data<float>()[i], 1000 * sigma, 1e-4);
            EXPECT_LT(relative_error(out.at("trace").slice(i, i + 1).reshape({kSize}), x), 1e-6) << rule.name;
        }
    }
    const Outcome fewer = run_program({"module", "solver", "--in", folder / "in.safetensors", "--out",
                                       folder / "out.safetensors", "--solver", "renoise", "--steps", "2"});
    EXPECT_EQ(fewer.exit_code, 2);
    EXPECT_NE(fewer.err.find("expected 3, one for each of the times 1000/757/522"), std::string::npos) << fewer.err;
}

void expect_in(const std::string& text, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(StudentFilms, AreMadeAgainFromTheirRecord) {
    const TemporaryFolder folder;
    for (const std::string solver : {"renoise", "renoise:timesteps=1000/500,warp=true", "rcm"}) {
        for (const std::string noise : {"cpu", "cuda"}) {
            SCOPED_TRACE(solver + ", " + noise);
            const std::string name = std::to_string(solver.size()) + noise;
            const fs::path film = folder / (name + ".png"), again = folder / (name + "-again.png");
            const Outcome made = run_program(film_words(film, {"--solver", solver, "--seed", "3", "--noise", noise}));
            ASSERT_EQ(made.exit_code, 0) << made.err;
            expect_in(made.err, {" steps of " + solver + ", shift ", "cfg 1, seed 3",
                                 "--solver " + solver + ": fits few-step students only"});
            const Outcome like = run_program({"generate", "--like", film, "-o", again});
            ASSERT_EQ(like.exit_code, 0) << like.err;
            EXPECT_TRUE(read_file(film) == read_file(again));
        }
    }
}

TEST(StudentFilms, FollowTheNameOfTheirFile) {
    const TemporaryFolder folder;
    const fs::path weights = fs::path(T3VIDEO_SOURCE) / "models/demo/diffusion_pytorch_model.safetensors";
    const auto film = [&](const char* name, const char* output, const std::vector<std::string>& further = {}) {
        if (!fs::exists(folder / name)) fs::create_symlink(weights, folder / name);
        std::vector<std::string> words{"--dit", folder / name};
        words.insert(words.end(), further.begin(), further.end());
        const Outcome outcome = run_program(film_words(folder / output, words));
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        return outcome.err;
    };
    constexpr const char *kFastWan = "FastWan2.1-T2V-1.3B.safetensors",
                         *kTurbo = "TurboWan2.1-T2V-1.3B-480P.safetensors";
    expect_in(film(kFastWan, "a.png"), {"3 steps of renoise, shift 8, cfg 1", "is a few-step student (FastWan)"});
    expect_in(film(kTurbo, "b.png"), {"4 steps of rcm, ", "cfg 1", "sparse linear attention (SLA)", "another model"});
    expect_in(film(kFastWan, "c.png", {"--solver", "euler", "--steps", "2", "--shift", "3", "--cfg", "2"}),
              {"2 steps of euler, shift 3, cfg 2", "--solver euler is not what FastWan is made for", "--cfg 2: "});
    const Outcome shown = run_program({"plan", "--dit", folder / kTurbo, "--size", "64x64", "--frames", "1"});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    expect_in(shown.out, {"4 steps of rcm"});
    expect_in(shown.err, {"is a few-step student (TurboWan)"});
}

TEST(StudentFilms, AreRefusedInALine) {
    const TemporaryFolder folder;
    const auto refused = [&](const std::vector<std::string>& words, const std::vector<std::string>& says) {
        const Outcome outcome = run_program(film_words(folder / "film.png", words));
        EXPECT_EQ(outcome.exit_code, 2);
        EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
        expect_in(outcome.err, says);
        EXPECT_FALSE(fs::exists(folder / "film.job"));
    };
    refused({"--solver", "renoise", "--steps", "4"}, {"--steps 4 of --solver renoise", "expected 3", "1000/757/522"});
    refused({"--solver", "rcm", "--steps", "9"}, {"--steps 9 of --solver rcm", "expected 1 to 4"});
    refused({"--solver", "renoise:timesteps=900/500"},
            {"--solver renoise:timesteps=900/500: timesteps are 900/500, expected whole numbers from 1000 down"});
    refused({"--solver", "rcm:sigma=3"}, {"--solver rcm:sigma=3: rcm has no setting 'sigma'; it has sigma_max"});
    refused({"--solver", "rcm:sigma_max=1"}, {"--solver rcm:sigma_max=1: sigma_max is 1, expected more than 14.1"});
    const Outcome draw = run_program({"module", "randn", "--count", "4", "--draw", "-1", "--out", folder / "x"});
    EXPECT_EQ(draw.exit_code, 2);
    expect_in(draw.err, {"--draw"});
}

}  // namespace
}  // namespace t3video
