// Wrong input at the command line: one line that names the mistake and the remedy, exit code 2, before any work.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "ops/devices.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;

const std::string kDemo = T3VIDEO_SOURCE "/models/demo";
const std::string kGolden = T3VIDEO_TEST_DATA "/golden/";

struct WrongInput {
    std::string name;
    std::vector<std::string> arguments;  // "OUT" stands for a video path in a temporary folder
    std::vector<std::string> says;       // parts of the message
};

std::ostream& operator<<(std::ostream& out, const WrongInput& input) {
    return out << input.name;
}

WrongInput generate(const std::string& name, std::vector<std::string> options, std::vector<std::string> says) {
    std::vector<std::string> arguments{"generate", "--prompt", "A red ball."};
    if (std::ranges::find(options, "--output") == options.end()) arguments.insert(arguments.end(), {"--output", "OUT"});
    arguments.insert(arguments.end(), options.begin(), options.end());
    return {name, arguments, says};
}

const WrongInput kInputs[] = {
    {"no_command", {}, {"subcommand is required", "--help"}},
    {"unknown_command", {"genrate"}, {"unknown command 'genrate'", "generate"}},
    {"no_prompt", {"generate"}, {"--prompt is required", "t3video generate --help"}},
    {"blank_prompt", {"generate", "--prompt", "  ", "--output", "OUT"}, {"--prompt is empty"}},
    generate("unknown_option", {"--stepz", "4"}, {"--stepz", "--help"}),
    generate("steps_not_a_number", {"--steps", "many"}, {"--steps", "many"}),
    generate("steps_zero", {"--steps", "0"}, {"--steps 0", "1 to 1000"}),
    generate("size_malformed", {"--size", "832"}, {"--size 832", "832x480"}),
    generate("size_zero", {"--size", "0x480"}, {"--size 0x480", "832x480"}),
    generate("size_tiny", {"--size", "8x8"}, {"8x8", "16 to 16384"}),
    generate("frames_nearer_to_more", {"--frames", "20"}, {"--frames 20", "try 21"}),
    generate("frames_not_4k_1", {"--frames", "16"}, {"--frames 16", "try 17"}),
    generate("frames_zero", {"--frames", "0"}, {"--frames 0", "4k+1", "try 1"}),
    generate("frames_negative", {"--frames", "-3"}, {"--frames -3", "4k+1", "try 1"}),
    generate("cfg_negative", {"--cfg", "-1"}, {"--cfg -1", "0 to 100"}),
    generate("cfg_nan", {"--cfg", "nan"}, {"--cfg"}),
    generate("shift_zero", {"--shift", "0"}, {"--shift 0"}),
    generate("seed_negative", {"--seed", "-2"}, {"--seed", "-2", "0 to 18446744073709551615, or -1 to draw one"}),
    generate("seed_too_large", {"--seed", "99999999999999999999"}, {"--seed", "0 to 18446744073709551615"}),
    generate("cfg_not_a_number", {"--cfg", "abc"}, {"--cfg abc: expected a number"}),
    generate("frames_twice", {"--frames", "5", "--frames", "9"}, {"--frames: given twice"}),
    generate("model_empty", {"--model", ""}, {"--model is empty"}),
    {"output_empty", {"generate", "--prompt", "x", "--output", ""}, {"--output is empty"}},
    {"inspect_empty", {"inspect", ""}, {"PATH is empty"}},
    {"jobs_empty", {"jobs", ""}, {"DIR is empty"}},
    generate("fps_zero", {"--fps", "0"}, {"--fps 0", "1 to 240"}),
    generate("crf_of_raw_frames", {"--crf", "20"}, {"--crf 20", "not compressed with loss"}),
    generate("solver_unknown", {"--solver", "heun"}, {"heun", "euler, unipc, dpm++"}),
    generate("noise_unknown", {"--noise", "gpu"}, {"--noise gpu", "cpu or cuda"}),
    generate("attention_unknown", {"--attention", "sparse"}, {"--attention sparse", "auto, full or t3"}),
    generate("one_picture_of_many_frames", {"--output", "/tmp/cat.png"},
             {"cat.png is one picture", "17 frames", "--frames 1"}),
    generate("layout_missing", {"--layout", "/nonexistent.json"}, {"/nonexistent.json"}),
    generate("layout_of_another_size", {"--layout", kGolden + "wan21-tiny/t3-layout.json"},
             {"3x8x12", "5x16x28", "448x256"}),
    generate("layout_is_not_one", {"--layout", kDemo + "/config.json"}, {"config.json", "window_counts"}),
    generate("layout_with_full_attention", {"--attention", "full", "--layout", kDemo + "/t3-layout.json"},
             {"--layout", "t3"}),
    generate("image_and_video", {"--image", "a.png", "--video", "b.mp4"}, {"--image and --video exclude"}),
    generate("image_for_a_text_model", {"--image", "a.png"}, {"--image", "text-to-video", "TI2V"}),
    generate("strength_without_video", {"--strength", "0.5"}, {"--strength belongs to --video"}),
    generate("strength_zero", {"--video", "b.mp4", "--strength", "0"}, {"--strength 0", "more than 0"}),
    generate("fit_unknown", {"--fit", "pad"}, {"--fit pad", "crop or stretch"}),
    generate("video_missing", {"--video", "/nonexistent.mp4"}, {"/nonexistent.mp4", "no such file"}),
    generate("video_is_not_one", {"--video", kDemo + "/config.json"}, {"config.json"}),
    generate("image_is_not_one",
             {"--model", kGolden + "wan22-tiny/model", "--tokenizer", kGolden + "tokenizer/spiece.model", "--image",
              kDemo + "/config.json"},
             {"config.json"}),
    generate("model_missing", {"--model", "/nonexistent"}, {"/nonexistent", "does not exist"}),
    generate("model_folder_without_models", {"--model", T3VIDEO_SOURCE "/src"},
             {"not a model folder", "model_index.json"}),
    generate("no_tokenizer", {"--model", kGolden + "wan21-tiny/model"}, {"spiece.model", "--tokenizer"}),
    generate("dit_missing", {"--dit", "/nonexistent.safetensors"}, {"--dit /nonexistent.safetensors", "no such file"}),
    generate("dit_is_not_one", {"--dit", kDemo + "/Wan2.1_VAE.pth"},
             {"Wan2.1_VAE.pth", "not a Wan diffusion transformer"}),
    generate("lora_missing", {"--lora", "/nonexistent.safetensors:0.5"},
             {"--lora /nonexistent.safetensors: no such file", "FILE:WEIGHT"}),
    generate("lora_weight_out_of_range", {"--lora", "a.safetensors:1000"}, {"weight 1000", "-100 to 100"}),
    generate("lora_is_not_one", {"--lora", kDemo + "/Wan2.1_VAE.pth"}, {"Wan2.1_VAE.pth", "no key of a LoRA file"}),
    generate("vae_is_not_one", {"--vae", kDemo + "/models_t5_umt5-xxl-enc-bf16.pth"}, {"models_t5", "not a Wan VAE"}),
    generate("text_encoder_is_not_one", {"--text-encoder", kDemo + "/Wan2.1_VAE.pth"},
             {"Wan2.1_VAE.pth", "not a UMT5"}),
    generate("tokenizer_is_not_one", {"--tokenizer", kDemo + "/config.json"}, {"config.json"}),
    generate("vae_of_another_model", {"--vae", kGolden + "wan22-tiny/model/Wan2.2_VAE.pth"}, {"16", "48"}),
    generate("text_encoder_of_another_model",
             {"--text-encoder", kGolden + "wan21-tiny/model/models_t5_umt5-xxl-enc-bf16.pth"}, {"96", "64"}),
    generate("output_extension", {"--output", "/tmp/film.avi"}, {".avi", ".mp4", ".y4m"}),
    generate("output_folder_missing", {"--output", "/nonexistent/film.y4m"}, {"/nonexistent", "does not exist"}),
    generate("output_of_one_picture", {"--output", "/tmp/film.png"}, {"/tmp/film.png", "%05d"}),
    generate("device_cuda", {"--device", "cuda"}, {"--device cuda", "--device cpu"}),
    generate("device_cuda_of_no_number", {"--device", "cuda:x"}, {"--device cuda:x", "cuda:1", "t3video devices"}),
    generate("device_cuda_below_the_first", {"--device", "cuda:-1"}, {"--device cuda:-1", "cuda:1"}),
    generate("device_unknown", {"--device", "tpu"}, {"--device tpu", "cpu or cuda"}),
    generate("dtype_on_cpu", {"--dtype", "bf16"}, {"--dtype bf16", "cuda"}),
    generate("threads_negative", {"--threads", "-1"}, {"--threads", "-1"}),
    generate("memory_malformed", {"--memory", "24PB"}, {"--memory 24PB", "24GiB"}),
    generate("memory_too_little", {"--memory", "50MiB"}, {"text", "50 MiB may be used"}),
    {"layout_model_unknown", {"layout", "--model", "wan3"}, {"--model wan3", "wan2.1, wan2.2"}},
    {"layout_size_malformed", {"layout", "--size", "4k"}, {"--size 4k", "832x480"}},
    {"layout_frames", {"layout", "--frames", "80"}, {"--frames 80", "4k+1", "81"}},
    {"layout_budget_text", {"layout", "--budget", "much"}, {"--budget", "much"}},
    {"layout_budget_zero", {"layout", "--budget", "0"}, {"--budget 0", "more than 0"}},
    {"layout_budget_out_of_reach",
     {"layout", "--size", "1280x720", "--budget", "99"},
     {"--budget 99", "ask for", "--frame-tokens"}},
    {"layout_window_tokens", {"layout", "--window-tokens", "0"}, {"--window-tokens 0", "1 or more"}},
    {"layout_window_frames", {"layout", "--window-frames", "-1"}, {"--window-frames -1", "1 or more"}},
    {"layout_frame_tokens", {"layout", "--frame-tokens", "0"}, {"--frame-tokens 0", "1 or more"}},
    {"layout_schedule_text", {"layout", "--schedule", "0,one"}, {"--schedule 0,one", "0,1,2,3,4"}},
    {"layout_schedule_beyond", {"layout", "--schedule", "0,7"}, {"--schedule", "pattern 7", "0 to 4"}},
    {"layout_svg_nowhere", {"layout", "--svg", "/nonexistent/a.svg"}, {"/nonexistent"}},
    {"layout_start_missing", {"layout", "--layout", "/nonexistent.json"}, {"/nonexistent.json", "no such file"}},
    {"layout_same_file", {"layout", "--svg", "a.x", "--output", "a.x"}, {"--svg", "--output", "same file"}},
    {"plan_published_unknown", {"plan", "--published", "wan3"}, {"--published wan3", "wan2.2-5b"}},
    {"plan_published_and_model", {"plan", "--published", "wan2.2-5b", "--model", kDemo}, {"--published", "--model"}},
    {"plan_published_and_lora",
     {"plan", "--published", "wan2.2-5b", "--lora", "a.safetensors"},
     {"--published", "--lora"}},
    {"plan_size_malformed", {"plan", "--size", "4k"}, {"--size 4k", "832x480"}},
    {"plan_device_cuda", {"plan", "--device", "cuda"}, {"--device cpu"}},
    {"bench_unknown", {"bench", "all"}, {"bench all", "pipeline, train, dit"}},
    {"bench_train_rank", {"bench", "train", "--lora", "-1"}, {"--lora -1", "rank"}},
    {"bench_train_batch", {"bench", "train", "--batch", "0"}, {"--batch 0", "1 to 1024"}},
    {"bench_train_states", {"bench", "train", "--states", "16bit"}, {"--states 16bit", "8bit"}},
    {"bench_train_streams", {"bench", "train", "--streams", "disk"}, {"--streams disk", "host"}},
    {"bench_train_layer", {"bench", "train", "--layer", "30"}, {"--layer 30", "0 to 29"}},
    {"bench_train_steps", {"bench", "train", "--steps", "3"}, {"bench train", "--steps"}},
    {"bench_train_memory",
     {"bench", "train", "--size", "4k", "--memory", "2GiB"},
     {"GiB, and 2.0 GiB may be taken", "--lora 64"}},
    {"bench_size_unknown", {"bench", "pipeline", "--size", "8k"}, {"--size 8k", "4k, 1080p"}},
    {"bench_load_on_the_cpu", {"bench", "load", "--input", "a.safetensors"}, {"bench load", "--device cuda"}},
    {"bench_size_malformed", {"bench", "dit", "--size", "448x"}, {"--size 448x", "832x480"}},
    {"bench_layout_without_windows",
     {"bench", "vae", "--layout", "a.json"},
     {"bench vae", "--layout", "dit, attention or train"}},
    {"bench_layout_missing",
     {"bench", "dit", "--size", "448x256", "--frames", "17", "--layout", "/nonexistent.json"},
     {"/nonexistent.json"}},
    {"bench_model_unknown", {"bench", "pipeline", "--model", "wan3"}, {"--model wan3", "wan2.2-5b or demo"}},
    {"bench_frames_not_4k_1",
     {"bench", "pipeline", "--model", "demo", "--size", "256", "--frames", "16"},
     {"--frames 16", "try 17"}},
    {"bench_memory_too_little", {"bench", "pipeline", "--memory", "2GiB"}, {"2.0 GiB may be used", "what fits"}},
    {"bench_output_folder_missing",
     {"bench", "pipeline", "--model", "demo", "--output", "/nonexistent/film.y4m"},
     {"/nonexistent", "does not exist"}},
    {"bench_device_cuda", {"bench", "pipeline", "--device", "cuda"}, {"--device cuda", "--device cpu"}},
    {"inspect_missing", {"inspect", "/nonexistent"}, {"/nonexistent", "no such file"}},
    {"inspect_something_else",
     {"inspect", kGolden + "wan21-tiny/cases/vae.safetensors"},
     {"vae.safetensors", "no transformer, VAE or text encoder"}},
    {"module_unknown", {"module", "dits", "--out", "OUT"}, {"dits", "--help"}},
    {"module_without_input", {"module", "dit", "--out", "OUT"}, {"--in"}},
    {"module_without_output", {"module", "dit"}, {"--out"}},
    {"module_input_lacks_tensor",
     {"module", "dit", "--model", kGolden + "wan21-tiny/model", "--in", kGolden + "wan21-tiny/cases/vae.safetensors",
      "--out", "OUT"},
     {"vae.safetensors", "context"}},
};

// As on a machine without a GPU, wherever they run.
class WrongInputs : public ::testing::TestWithParam<WrongInput> {
  protected:
    static constexpr const char* kVisible = "CUDA_VISIBLE_DEVICES";
    void SetUp() override {
        if (const char* value = std::getenv(kVisible)) before_ = value;
        setenv(kVisible, "-1", 1);
    }
    void TearDown() override { before_ ? setenv(kVisible, before_->c_str(), 1) : unsetenv(kVisible); }

  private:
    std::optional<std::string> before_;
};

TEST_P(WrongInputs, OneLineAndExitCode2) {
    const TemporaryFolder folder;
    auto arguments = GetParam().arguments;
    std::ranges::replace(arguments, std::string("OUT"), (folder / "film.y4m").string());
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(outcome.err.starts_with("t3video: ")) << outcome.err;
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    for (const std::string& part : GetParam().says)
        EXPECT_NE(outcome.err.find(part), std::string::npos) << part << "\n" << outcome.err;
    EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "something was written";
}

INSTANTIATE_TEST_SUITE_P(Cli, WrongInputs, ::testing::ValuesIn(kInputs),
                         [](const auto& one) { return one.param.name; });

TEST(WrongInputOnGpu, ACardThatIsNotThere) {
    if (ops::gpus().empty()) GTEST_SKIP() << "no GPU";
    const Outcome outcome = run_program({"plan", "--device", "cuda:99"});
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_NE(outcome.err.find("--device cuda:99: this machine has "), std::string::npos) << outcome.err;
}

// With a GPU that may use too little of its memory: before any work, and with what would fit.
TEST(WrongInputOnGpu, TooLittleMemory) {
    if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
    const TemporaryFolder folder;
    const auto refused = [&](std::vector<std::string> options, const std::vector<std::string>& says) {
        std::vector<std::string> arguments{"generate",          "--prompt", "A red ball.", "--output",
                                           folder / "film.y4m", "--device", "cuda"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        const Outcome outcome = run_program(arguments);
        EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
        EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
        for (const std::string& part : says)
            EXPECT_NE(outcome.err.find(part), std::string::npos) << part << "\n" << outcome.err;
        EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "something was written";
    };
    refused({"--memory", "500MiB"}, {"0.49 GiB of GPU memory", "1.25 are needed"});
    refused({"--memory", "90000GiB"}, {"--memory 90000.0GiB", "GiB free"});
    refused({"--memory", "1450MiB", "--size", "1920x1088", "--frames", "81"}, {"may be used", "--frames ", "--size "});
}

// A weight file with one tensor renamed: the message names the file, the tensor and its shape.
TEST(WrongWeights, NamesFileTensorAndShape) {
    const TemporaryFolder folder;
    std::filesystem::copy(kDemo, folder / "model", std::filesystem::copy_options::recursive);
    const auto weights = folder / "model/diffusion_pytorch_model.safetensors";
    std::string bytes = read_file(weights);
    const std::string name = "blocks.3.norm3.bias";
    const size_t at = bytes.find('"' + name + '"');
    ASSERT_NE(at, std::string::npos);
    bytes[at + name.size()] = 'z';
    std::ofstream(weights, std::ios::binary) << bytes;
    const Outcome outcome =
        run_program({"generate", "--prompt", "x", "--model", folder / "model", "--output", folder / "film.y4m"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("blocks.3.norm3.bias' [192] is missing"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("diffusion_pytorch_model.safetensors"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace t3video
