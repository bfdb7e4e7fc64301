// Every reference case through `t3video module`, compared with what the reference implementations computed in float32.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <tuple>

#include "checkpoint/tensor_source.h"
#include "core/build.h"
#include "ops/devices.h"
#include "support/program.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;
using checkpoint::open_tensors;
using checkpoint::TensorSource;

const std::string kGolden = test_data() + "golden/";

// Output `out` against tensor `reference` of the case file; the reference may hold the first rows of axis 1 only.
struct Comparison {
    std::string out, reference;
};

struct GoldenCase {
    std::string name, module, model, input;
    std::vector<std::string> flags;
    std::vector<Comparison> comparisons;
    double tolerance;  // of the whole and, kWorstRow times, of each row; or the largest difference where `absolute`
    bool absolute = false;
};

std::ostream& operator<<(std::ostream& out, const GoldenCase& c) {
    return out << c.name;
}

// x cut to the shape of the reference.
Tensor cut(Context& ctx, const Tensor& x, const Shape& shape) {
    Tensor values = empty(ctx, shape);
    for (int64_t i = 0; i < shape.numel(); ++i) {
        int64_t rest = i, index = 0, stride = 1;
        for (int axis = shape.rank() - 1; axis >= 0; --axis) {
            index += rest % shape[axis] * stride;
            rest /= shape[axis];
            stride *= x.dim(axis);
        }
        values.data<float>()[i] = x.data<float>()[index];
    }
    return values;
}

// NaN if any difference is.
double largest_difference(const Tensor& x, const Tensor& reference) {
    double largest = 0;
    for (int64_t i = 0; i < reference.numel(); ++i) {
        const double d = std::abs(double{x.data<float>()[i]} - reference.data<float>()[i]);
        largest = std::isnan(d) ? d : std::max(largest, d);
    }
    return largest;
}

// Runs the case with further flags and compares; errors stay below the tolerance.
void reproduce(const GoldenCase& c, const std::vector<std::string>& flags, double tolerance) {
    const TemporaryFolder folder;
    std::vector<std::string> arguments{"module", c.module, "--out", folder / "out.safetensors"};
    if (!c.model.empty()) arguments.insert(arguments.end(), {"--model", kGolden + c.model});
    if (c.module != "randn" && c.module != "schedule") arguments.insert(arguments.end(), {"--in", kGolden + c.input});
    arguments.insert(arguments.end(), c.flags.begin(), c.flags.end());
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Outcome outcome = run_program(arguments);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;

    Context ctx;
    const TensorSource out = open_tensors(folder / "out.safetensors"), reference = open_tensors(kGolden + c.input);
    for (const auto& [name, expected] : c.comparisons) {
        const Tensor &x = out.at(name), &r = reference.at(expected);
        ASSERT_EQ(x.rank(), r.rank()) << name;
        for (int axis = 0; axis < r.rank(); ++axis) ASSERT_GE(x.dim(axis), r.dim(axis)) << name;
        const Tensor same = cut(ctx, x, r.shape());
        EXPECT_LT(c.absolute ? largest_difference(same, r) : relative_error(same, r), tolerance) << name;
    }
}

class Golden : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(Golden, Reproduces) {
    reproduce(GetParam(), {}, GetParam().tolerance);
}

// On the GPU, where there is one, in both of its types. What bf16 may lose depends on the network.
class GoldenOnGpu : public ::testing::TestWithParam<GoldenCase> {
  protected:
    void SetUp() override {
        if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
    }
};

TEST_P(GoldenOnGpu, ReproducesInF32) {
    reproduce(GetParam(), {"--device", "cuda", "--dtype", "f32"}, GetParam().tolerance);
}

TEST_P(GoldenOnGpu, ReproducesInBf16) {
    const std::string& module = GetParam().module;
    if (module == "solver") GTEST_SKIP() << "solvers work in f32";
    if (GetParam().name.ends_with("easycache")) GTEST_SKIP() << "decides by velocities, which bf16 rounds";
    const double tolerance = module == "text-encoder" || module == "train-step"         ? 6e-2
                             : module.starts_with("vae") || module.starts_with("small") ? 4e-2
                                                                                        : 2e-2;
    reproduce(GetParam(), {"--device", "cuda", "--dtype", "bf16"}, tolerance);
}

// A forward of a transformer, with full attention and with the windows of the model's layout.
std::vector<GoldenCase> dit_cases(const std::string& model) {
    const std::string folder = model + "/model", input = model + "/cases/dit_forward.safetensors",
                      layout = kGolden + model + "/t3-layout.json";
    return {
        {model + "_dit_full", "dit", folder, input, {"--attention", "full"}, {{"out", "out_full"}}, 1e-4},
        {model + "_dit_t3", "dit", folder, input, {"--layout", layout}, {{"out", "out_t3"}}, 1e-4},
    };
}

// The same with the first frame at timestep 0, as models of Wan2.2's kind have it.
GoldenCase first_frame_clean(const std::string& model) {
    return {model + "_dit_first_frame_clean",
            "dit",
            model + "/model",
            model + "/cases/dit_forward.safetensors",
            {"--layout", kGolden + model + "/t3-layout.json", "--first-frame-clean"},
            {{"out", "out_t3_first_frame_clean"}},
            1e-4};
}

std::vector<GoldenCase> network_cases(const std::string& model) {
    const std::string folder = model + "/model", cases = model + "/cases/",
                      layout = kGolden + model + "/t3-layout.json";
    const std::vector<std::string> sampling{"--solver", "euler", "--steps", "6",        "--shift",
                                            "5",        "--cfg", "5",       "--layout", layout};
    std::vector<std::string> rounded = sampling;
    rounded.push_back("--bf16-timesteps");
    return {
        {model + "_text_encoder",
         "text-encoder",
         folder,
         cases + "text_encoder.safetensors",
         {},
         {{"out", "out"}},
         1e-4},
        {model + "_vae_decode", "vae-decode", folder, cases + "vae.safetensors", {}, {{"decoded", "decoded"}}, 1e-4},
        {model + "_vae_encode", "vae-encode", folder, cases + "vae.safetensors", {}, {{"encoded", "encoded"}}, 1e-4},
        {model + "_self_attention",
         "self-attention",
         folder,
         cases + "self_attention_block1.safetensors",
         {"--layout", layout},
         {{"pattern0", "pattern0"},
          {"pattern1", "pattern1"},
          {"pattern2", "pattern2"},
          {"pattern3", "pattern3"},
          {"pattern4", "pattern4"},
          {"pattern1_close", "pattern1_close"},
          {"pattern1_remote", "pattern1_remote"}},
         1e-4},
        {model + "_denoise_euler",
         "denoise",
         folder,
         cases + "denoise_euler.safetensors",
         sampling,
         {{"latents", "latents"}},
         1e-4},
        {model + "_denoise_bf16_timesteps",
         "denoise",
         folder,
         cases + "denoise_options.safetensors",
         rounded,
         {{"latents", "latents_bf16_timesteps"}},
         1e-4},
    };
}

// A training step: every gradient that the case holds.
GoldenCase train_step(const std::string& model, bool first_frame = false) {
    const std::string name = first_frame ? "train_step_first_frame" : "train_step";
    GoldenCase c{model + "_" + name,
                 "train-step",
                 model + "/model",
                 model + "/cases/" + name + ".safetensors",
                 {"--layout", kGolden + model + "/t3-layout.json"},
                 {{"pred", "pred"}, {"loss", "loss"}},
                 1e-4};
    if (first_frame) c.flags.push_back("--first-frame");
    for (const auto& [key, tensor] : open_tensors(kGolden + c.input).tensors) {
        if (key.starts_with("grad.")) c.comparisons.push_back({key, key});
    }
    return c;
}

// Step caches over thirty steps of Euler.
const char* const kCaches[] = {"easycache", "teacache", "teacache_ret", "magcache"};

GoldenCase cached(const std::string& cache) {
    return {"wan21-tiny_denoise_" + cache,
            "denoise",
            "wan21-tiny/model",
            "wan21-tiny/cases/denoise_caches.safetensors",
            {"--solver", "euler", "--steps", "30", "--shift", "5", "--cfg", "5", "--layout",
             kGolden + "wan21-tiny/t3-layout.json", "--cache", cache},
            {{"latents", "latents_" + cache}},
            1e-4};
}

// The very passes that the reference computed.
TEST(GoldenCaches, ComputeTheSamePasses) {
    const TensorSource reference = open_tensors(kGolden + "wan21-tiny/cases/denoise_caches.safetensors");
    for (const std::string cache : kCaches) {
        const TemporaryFolder folder;
        const GoldenCase c = cached(cache);
        std::vector<std::string> arguments{"module", c.module,          "--model", kGolden + c.model,
                                           "--in",   kGolden + c.input, "--out",   folder / "out.safetensors"};
        arguments.insert(arguments.end(), c.flags.begin(), c.flags.end());
        const Outcome outcome = run_program(arguments);
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        const TensorSource out = open_tensors(folder / "out.safetensors");
        const Tensor &found = out.at("computed"), &expected = reference.at("computed_" + cache);
        ASSERT_EQ(found.shape(), expected.shape());
        EXPECT_TRUE(std::ranges::equal(found.span<int64_t>(), expected.span<int64_t>())) << cache;
    }
}

std::vector<GoldenCase> all_cases() {
    std::vector<GoldenCase> cases;
    for (const std::string cache : kCaches) cases.push_back(cached(cache));
    const auto add = [&](std::vector<GoldenCase> more) { std::ranges::move(more, std::back_inserter(cases)); };
    for (const std::string model : {"wan21-tiny", "wan22-tiny"}) add(network_cases(model));
    // Two heads of 128, the width of the released models, for which a GPU has kernels of our own.
    for (const std::string model : {"wan21-tiny", "wan22-tiny", "wan22-wide"}) add(dit_cases(model));
    add({first_frame_clean("wan22-tiny"), first_frame_clean("wan22-wide")});
    add({train_step("wan21-tiny"), train_step("wan22-tiny"), train_step("wan22-wide"), train_step("wan22-wide", true)});
    const std::string wan22 = "wan22-tiny", layout22 = kGolden + "wan22-tiny/t3-layout.json";
    cases.push_back(
        {"wan22_denoise_first_frame",
         "denoise",
         wan22 + "/model",
         wan22 + "/cases/denoise_options.safetensors",
         {"--solver", "euler", "--steps", "6", "--shift", "5", "--cfg", "5", "--layout", layout22, "--first-frame"},
         {{"latents", "latents_first_frame"}},
         1e-4});
    cases.push_back({"diffusers_pipeline",
                     "pipeline",
                     "diffusers-tiny/model",
                     "diffusers-tiny/cases/pipeline.safetensors",
                     {"--steps", "6", "--shift", "5", "--cfg", "5"},
                     {{"latents", "latents"}, {"frames", "frames"}},
                     1e-4});

    const auto small = [&](const std::string& model, const std::string& module, const std::string& output) {
        const std::string file = "small-decoders/" + model;
        cases.push_back({model + (module == "small-decode" ? "_decode" : "_encode"),
                         module,
                         file + ".safetensors",
                         file + ".case.safetensors",
                         {},
                         {{output, output}},
                         1e-4});
    };
    small("taew2_1", "small-decode", "unclamped");
    small("taew2_1", "small-encode", "encoded");
    small("taew2_2_super", "small-decode", "unclamped");

    const std::string traces = "solver_traces.safetensors", schedules = "schedules.safetensors";
    const auto settings = [](const std::string& file) {
        return nlohmann::json::parse(open_tensors(kGolden + file).metadata.at("settings"));
    };
    int index = 0;
    for (const auto& s : settings(traces)) {
        const std::string p = "t" + std::to_string(index++) + ".", solver = s["solver"];
        cases.push_back(
            {"solver_" + p.substr(0, 2),
             "solver",
             "",
             traces,
             {"--solver", solver, "--steps", s["steps"].dump(), "--shift", s["shift"].dump(), "--prefix", p},
             {{"trace", p + "trace"}, {"timesteps", p + "timesteps"}, {"sigmas", p + "sigmas"}},
             1e-5});
    }
    index = 0;
    for (const auto& s : settings(schedules)) {
        const std::string p = "s" + std::to_string(index++) + ".";
        cases.push_back({"schedule_" + p.substr(0, 2),
                         "schedule",
                         "",
                         schedules,
                         {"--solver", "euler", "--steps", s["steps"].dump(), "--shift", s["shift"].dump(), "--strength",
                          s["denoising_strength"].dump()},
                         {{"timesteps", p + "timesteps"}, {"sigmas", p + "sigmas"}},
                         1e-5});
    }
    auto random = open_tensors(kGolden + "randn.safetensors").tensors;
    random.merge(open_tensors(kGolden + "randn_draws.safetensors").tensors);
    for (const auto& [key, tensor] : random) {
        const size_t seed = key.find(".seed"), size = key.find('.', seed + 1), draw = key.find(".draw");
        const bool later = draw != std::string::npos;
        const std::string extents = key.substr(size + 1, draw - size - 1);
        std::string shape = extents.starts_with("shape") ? extents.substr(5) : extents.substr(1);
        std::ranges::replace(shape, 'x', ',');
        std::string name = "randn_" + key;
        std::ranges::replace(name, '.', '_');
        cases.push_back({name,
                         "randn",
                         "",
                         later ? "randn_draws.safetensors" : "randn.safetensors",
                         {"--draw", later ? key.substr(draw + 5) : "0", "--generator", key.substr(0, seed), "--seed",
                          key.substr(seed + 5, size - seed - 5), "--multiprocessors", "132", "--shape", shape},
                         {{"out", key}},
                         1e-5,
                         true});
    }
    for (const std::string grid : {"wan21", "wan22"}) {
        GoldenCase c{"t3_grid_" + grid, "t3-attention", "", "t3_grid_" + grid + ".safetensors", {}, {}, 1e-5};
        for (int k = 0; k < 5; ++k) {
            for (const char* part : {".close", ".remote", ".out"}) {
                c.comparisons.push_back({"p" + std::to_string(k) + part, "p" + std::to_string(k) + part});
            }
        }
        cases.push_back(c);
    }
    for (GoldenCase& c : cases) std::ranges::replace(c.name, '-', '_');
    return cases;
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, ::testing::ValuesIn(all_cases()),
                         [](const auto& one) { return one.param.name; });

// None in a build without CUDA.
std::vector<GoldenCase> gpu_cases() {
    if constexpr (!kWithCuda) return {};
    std::vector<GoldenCase> cases = all_cases();
    std::erase_if(cases, [](const GoldenCase& c) { return c.module == "randn" || c.module == "schedule"; });
    return cases;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenOnGpu);
INSTANTIATE_TEST_SUITE_P(Cases, GoldenOnGpu, ::testing::ValuesIn(gpu_cases()),
                         [](const auto& one) { return one.param.name; });

// A latent of 40 rows decoded whole and in bands: these differ by the rounding of sums only.
void expect_same_in_bands(const std::vector<std::string>& device, double tolerance) {
    for (const auto& [model, channels, cell] : {std::tuple{"wan21-tiny", 16, 8}, std::tuple{"wan22-tiny", 48, 16}}) {
        const TemporaryFolder folder;
        Context ctx;
        checkpoint::save_safetensors(folder / "latents",
                                     {{"latents", testing::randn(ctx, {1, channels, 4, 40, 3}, 5)}});
        const auto decode = [&](int64_t rows) {
            std::vector<std::string> command{
                "module", "vae-decode",       "--model",     kGolden + model + "/model", "--in", folder / "latents",
                "--out",  folder / "decoded", "--band-rows", std::to_string(rows * cell)};
            command.insert(command.end(), device.begin(), device.end());
            const Outcome outcome = run_program(command);
            EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
            return open_tensors(folder / "decoded").at("decoded");
        };
        const Tensor whole = decode(0);
        for (const int64_t rows : {2, 9, 25}) {
            const Tensor bands = decode(rows);
            ASSERT_EQ(bands.shape(), whole.shape());
            EXPECT_LT(relative_error(bands, whole), tolerance) << model << " in bands of " << rows;
        }
    }
}

TEST(GoldenVae, BandsEqualTheWhole) {
    expect_same_in_bands({"--device", "cpu"}, 1e-6);
}

TEST(VaeGoldenOnGpu, BandsEqualTheWhole) {
    if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
    expect_same_in_bands({"--device", "cuda", "--dtype", "f32"}, 1e-5);
    expect_same_in_bands({"--device", "cuda", "--dtype", "bf16"}, 2e-2);
}

// A long run of random numbers, sampled.
TEST(GoldenRandn, Large) {
    const TensorSource reference = open_tensors(kGolden + "randn_large.safetensors");
    for (const std::string generator : {"cpu", "cuda"}) {
        const TemporaryFolder folder;
        const Outcome outcome = run_program({"module", "randn", "--generator", generator, "--seed",
                                             reference.metadata.at("seed"), "--count", reference.metadata.at("n"),
                                             "--multiprocessors", "132", "--out", folder / "out.safetensors"});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        const TensorSource file = open_tensors(folder / "out.safetensors");
        const auto index = reference.at("index").span<int64_t>();
        for (size_t i = 0; i < index.size(); ++i) {
            ASSERT_NEAR(file.at("out").data<float>()[index[i]], reference.at(generator).data<float>()[i], 1e-5);
        }
    }
}

TEST(GoldenTokenizer, RawTexts) {
    const auto cases = nlohmann::json::parse(std::ifstream(kGolden + "tokenizer/cases.json"));
    ASSERT_FALSE(cases.empty());
    for (const auto& c : cases) {
        const std::string text = c["text"];
        const Outcome outcome =
            run_program({"module", "tokenize", "--model", kGolden + "tokenizer/spiece.model", "--raw", "--text", text});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        std::string expected;
        for (const int id : c["ids"]) expected += (expected.empty() ? "" : " ") + std::to_string(id);
        EXPECT_EQ(outcome.out, expected + "\n") << text;
    }
}

}  // namespace
}  // namespace t3video
