// Files that look right until they are used: weights that are no numbers, LoRAs of another model, pictures cut short.
// One line that names what is wrong in which file, exit code 2, and nothing half written.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "checkpoint/tensor_source.h"
#include "media/png.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;

const std::string kDemo = T3VIDEO_SOURCE "/models/demo/";
const std::string kTi2v = T3VIDEO_TEST_DATA "/golden/wan22-tiny/model";

class BrokenFiles : public ::testing::Test {
  protected:
    // The film's options with further ones are refused, by a message with these parts.
    void expect_refused(const std::vector<std::string>& options, const std::vector<std::string>& says) {
        std::vector<std::string> words{"generate", "-p", "A red ball.", "--size", "96x64",
                                       "--frames", "5",  "--steps",     "2",      "--quiet"};
        if (std::ranges::find(options, "--output") == options.end())
            words.insert(words.end(), {"--output", folder_ / "film.y4m"});
        words.insert(words.end(), options.begin(), options.end());
        const Outcome outcome = run_program(words);
        EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
        EXPECT_TRUE(outcome.err.starts_with("t3video: ")) << outcome.err;
        EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
        for (const std::string& part : says)
            EXPECT_NE(outcome.err.find(part), std::string::npos) << part << "\n" << outcome.err;
        EXPECT_FALSE(fs::exists(folder_ / "film.y4m"));
        for (const auto& entry : fs::recursive_directory_iterator(folder_.path()))
            EXPECT_NE(entry.path().extension(), ".partial") << entry.path();
    }

    // A file of the demo model with one value of `name` that is not a number, whatever its type: all bits set.
    fs::path with_nan(const std::string& file, const std::string& name) {
        std::map<std::string, Tensor> tensors;
        const auto source = checkpoint::open_tensors(kDemo + file);
        for (const auto& [key, stored] : source.tensors) tensors[key] = stored.tensor.numbers();
        const Tensor& whole = source.at(name);
        Tensor broken = empty_on_host(whole.shape(), whole.dtype());
        std::memcpy(broken.raw(), whole.raw(), whole.bytes());
        std::memset(broken.raw() + broken.bytes() / 2 / 4 * 4, 0xff, 4);
        tensors[name] = broken;
        checkpoint::save_safetensors(folder_ / "broken.safetensors", tensors);
        return folder_ / "broken.safetensors";
    }

    fs::path lora(const std::map<std::string, Tensor>& tensors) {
        checkpoint::save_safetensors(folder_ / "lora.safetensors", tensors);
        return folder_ / "lora.safetensors";
    }

    static Tensor filled(const Shape& shape, float value) {
        Tensor x = empty_on_host(shape);
        std::ranges::fill(x.span<float>(), value);
        return x;
    }

    TemporaryFolder folder_;
};

TEST_F(BrokenFiles, TransformerWithNan) {
    const auto file = with_nan("diffusion_pytorch_model.safetensors", "blocks.3.self_attn.q.weight");
    expect_refused({"--dit", file, "--text-encoder", kDemo + "models_t5_umt5-xxl-enc-bf16.pth"},
                   {file.string(), "'blocks.3.self_attn.q.weight' [192, 192]", "not numbers"});
}

TEST_F(BrokenFiles, TextEncoderWithNan) {
    const auto file = with_nan("models_t5_umt5-xxl-enc-bf16.pth", "blocks.1.attn.k.weight");
    expect_refused({"--text-encoder", file}, {file.string(), "'blocks.1.attn.k.weight' [96, 96]", "not numbers"});
}

TEST_F(BrokenFiles, VaeWithNan) {
    const auto file = with_nan("Wan2.1_VAE.pth", "decoder.conv1.weight");
    expect_refused({"--vae", file}, {file.string(), "'decoder.conv1.weight'", "not numbers"});
    EXPECT_FALSE(fs::exists(folder_ / "film.job/embeddings.safetensors")) << "found after the work";
}

TEST_F(BrokenFiles, LoraWithNan) {
    const auto file = lora({{"blocks.0.ffn.0.lora_A.weight", filled({2, 192}, 1)},
                            {"blocks.0.ffn.0.lora_B.weight", filled({416, 2}, std::nanf(""))}});
    expect_refused({"--lora", file}, {file.string(), "'blocks.0.ffn.0.lora_B.weight' [416, 2]", "not numbers"});
}

TEST_F(BrokenFiles, LorasOfAnotherModel) {
    const auto unknown = lora({{"blocks.77.ffn.0.lora_A.weight", filled({2, 192}, 1)},
                               {"blocks.77.ffn.0.lora_B.weight", filled({416, 2}, 1)}});
    expect_refused({"--lora", unknown}, {unknown.string(), "blocks.77.ffn.0", "matches no weight"});
    const auto wide = lora({{"blocks.0.ffn.0.lora_A.weight", filled({2, 1536}, 1)},
                            {"blocks.0.ffn.0.lora_B.weight", filled({8960, 2}, 1)}});
    expect_refused({"--lora", wide}, {wide.string(), "[8960, 1536]", "[416, 192]"});
    const auto half = lora({{"blocks.0.ffn.0.lora_A.weight", filled({2, 192}, 1)}});
    expect_refused({"--lora", half}, {half.string(), "blocks.0.ffn.0"});
}

TEST_F(BrokenFiles, PictureCutShort) {
    media::Image image(64, 48);
    media::write_png(folder_ / "whole.png", image);
    const std::string whole = read_file(folder_ / "whole.png");
    for (const size_t bytes : {size_t(0), size_t(20), whole.size() - 20}) {
        const fs::path cut = write_file(folder_ / "cut.png", whole.substr(0, bytes));
        expect_refused({"--model", kTi2v, "--image", cut}, {cut.string()});
    }
}

TEST_F(BrokenFiles, PlacesThatCannotBeWritten) {
    // /proc takes no new files, not even from root.
    expect_refused({"--output", "/proc/film.y4m"}, {"/proc/film.y4m", "choose a folder"});
    expect_refused({"--output", "/proc/frames/"}, {"/proc/frames", "choose a place"});
    expect_refused({"--job", "/proc/film.job"}, {"job folder /proc/film.job", "cannot be made"});
    fs::create_directory(folder_ / "film.png");
    fs::create_directory(folder_ / "taken.y4m");
    expect_refused({"--output", folder_ / "taken.y4m"}, {(folder_ / "taken.y4m").string(), "is a folder"});
    EXPECT_FALSE(fs::exists(folder_ / "film.job"));
}

}  // namespace
}  // namespace t3video
