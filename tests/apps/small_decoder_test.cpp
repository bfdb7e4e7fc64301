// A film by a small decoder, and its job decoded by the VAE and back, as a user does it.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/program.h"
#include "support/small_decoders.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class SmallDecoderProgram : public ::testing::Test {
  protected:
    Outcome generate(const std::string& name, const std::vector<std::string>& more) {
        std::vector<std::string> words{
            "generate", "--prompt",   "A red ball drifts left.", "--size", "96x64", "--frames", "5", "--steps", "2",
            "--output", folder / name};
        words.insert(words.end(), more.begin(), more.end());
        return run_program(words);
    }
    // The job's film once more, under another name.
    std::string decoded(const std::string& job, const std::vector<std::string>& more) {
        std::vector<std::string> words{"decode", folder / job, "--output", folder / "again.y4m", "--overwrite"};
        words.insert(words.end(), more.begin(), more.end());
        const Outcome outcome = run_program(words);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        return read_file(folder / "again.y4m");
    }

    TemporaryFolder folder;
    const fs::path decoder = write_small_decoder(folder / "lighttaew2_1.safetensors", small_sizes(false, 1, 16));
};

TEST_F(SmallDecoderProgram, DecodesFilmsAndJobs) {
    const Outcome by_vae = generate("vae.y4m", {}), by_small = generate("small.y4m", {"--decoder", decoder});
    ASSERT_EQ(by_vae.exit_code, 0) << by_vae.err;
    ASSERT_EQ(by_small.exit_code, 0) << by_small.err;
    EXPECT_NE(by_small.err.find("takes raw latents"), std::string::npos) << by_small.err;
    const std::string vae = read_file(folder / "vae.y4m"), small = read_file(folder / "small.y4m");
    EXPECT_TRUE(vae != small);
    EXPECT_EQ(vae.size(), small.size());

    EXPECT_TRUE(decoded("vae.job", {"--decoder", decoder}) == small);
    EXPECT_TRUE(decoded("small.job", {}) == small);
    const std::string demo = fs::path(T3VIDEO_SOURCE) / "models/demo/Wan2.1_VAE.pth";
    EXPECT_TRUE(decoded("small.job", {"--vae", demo}) == vae);
    const std::string normalised = decoded("small.job", {"--decoder-latents", "normalised"});
    EXPECT_TRUE(normalised != small);
    EXPECT_TRUE(normalised != vae);
}

TEST_F(SmallDecoderProgram, RefusesInOneLine) {
    for (const auto& [words, says] :
         {std::pair<std::vector<std::string>, std::string>{{"--decoder", folder / "none.pth"}, "none.pth"},
          {{"--decoder-latents", "raw"}, "--decoder"},
          {{"--decoder", decoder, "--decoder-latents", "other"}, "normalised or raw"},
          {{"--decoder", write_small_decoder(folder / "b.safetensors", small_sizes(true, 2, 48))}, "48 channels"}}) {
        const Outcome outcome = generate("film.y4m", words);
        EXPECT_EQ(outcome.exit_code, 2);
        EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
        EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
        EXPECT_FALSE(fs::exists(folder / "film.job"));
    }
}

TEST_F(SmallDecoderProgram, IsInspectedAndPlanned) {
    const Outcome shown = run_program({"inspect", decoder});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    for (const char* part : {"16 latent channels (raw, by its name)", "8x8 pixels and 4 frames", "7, 6, 5, 3"})
        EXPECT_NE(shown.out.find(part), std::string::npos) << part << "\n" << shown.out;
    const auto work = [&](const std::vector<std::string>& more) {
        std::vector<std::string> words{"plan", "--published", "wan2.1-1.3b", "--size", "416x240", "--json"};
        words.insert(words.end(), more.begin(), more.end());
        const Outcome plan = run_program(words);
        EXPECT_EQ(plan.exit_code, 0) << plan.err;
        const auto parsed = nlohmann::json::parse(plan.out);
        for (const auto& stage : parsed.at("stages")) {
            if (stage["name"] == "decode") return stage["convolution_flop"].get<double>();
        }
        return 0.0;
    };
    const double small = work({"--decoder", decoder});
    EXPECT_GT(small, 0);
    EXPECT_LT(small, work({}) / 100);
}

}  // namespace
}  // namespace t3video
