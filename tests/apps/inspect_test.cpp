// What inspect says of files and folders, whatever their names are.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class Inspect : public ::testing::Test {
  protected:
    void shows(const fs::path& path, const std::vector<std::string>& parts) const {
        const Outcome outcome = run_program({"inspect", path.string()});
        EXPECT_EQ(outcome.exit_code, 0) << path << outcome.err;
        for (const std::string& part : parts)
            EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    }
    void refuses(const fs::path& path, const std::string& says) const {
        const Outcome outcome = run_program({"inspect", path.string()});
        EXPECT_EQ(outcome.exit_code, 2) << path << outcome.out;
        EXPECT_NE(outcome.err.find(says), std::string::npos) << says << "\n" << outcome.err;
    }
    fs::path diffusers(const char* part) const { return fs::path(test_data() + "golden/diffusers-tiny/model") / part; }
    TemporaryFolder folder_;
};

TEST_F(Inspect, PartsOfAModelFolder) {
    shows(diffusers("vae"), {"VAE", "Wan2.1, 16 latent channels"});
    shows(diffusers("text_encoder"), {"Text encoder", "UMT5"});
    shows(diffusers("transformer"), {"Transformer", "2 layers"});
    shows(diffusers("scheduler"), {"Scheduler", "UniPCMultistepScheduler", "shift 5"});
    shows(diffusers("vae/config.json"), {"Config", "_class_name \"AutoencoderKLWan\"", "z_dim 16"});
    fs::copy(diffusers("scheduler/scheduler_config.json"), folder_ / "renamed.json");
    shows(folder_ / "renamed.json", {"Scheduler", "shift 5"});
    fs::copy(test_data() + "golden/tokenizer/spiece.model", folder_ / "spiece.model");
    shows(folder_.path(), {"Tokenizer", "pieces"});
}

TEST_F(Inspect, ListsOfPrompts) {
    shows(write_file(folder_ / "lines.txt", "# two\nA red ball.\nA cat.\n"),
          {"Prompts", "2 films; the first: A red ball."});
    shows(write_file(folder_ / "list.jsonl", "{\"prompt\": \"A\", \"seed\": 3}\n{\"prompt\": \"B\"}\n"),
          {"2 films; the first: A", "--seed 3"});
    shows(write_file(folder_ / "prompt.json", "{\"prompt\": \"A\"}"), {"1 film; the first: A"});
    refuses(write_file(folder_ / "other.json", "{\"a\": 1}"), "is JSON, but no layout");
    refuses(write_file(folder_ / "page.json", "<!DOCTYPE html><html>"), "HTML");
}

TEST_F(Inspect, JobsAndTheirFiles) {
    ASSERT_EQ(run_program({"generate", "-p", "A red ball", "--frames", "1", "--size", "64x64", "--steps", "1", "-o",
                           folder_ / "a.png", "--quiet"})
                  .exit_code,
              0);
    shows(folder_ / "a.job", {"64x64x1", "A red ball", "film written"});
    for (const char* file : {"request.json", "latents.safetensors", "command.json"})
        shows(folder_ / "a.job" / file, {"Part of", "64x64x1"});
    shows(folder_ / "a.png", {"Picture", "64x64", "--prompt A red ball"});
    fs::create_directory(folder_ / "frames");
    for (const char* name : {"f_2.png", "f_10.png"}) fs::copy(folder_ / "a.png", folder_ / "frames" / name);
    shows(folder_ / "frames", {"Pictures", "64x64, 2 PNGs"});
}

TEST_F(Inspect, PicturesByContents) {
    std::string tga("\0\0\2\0\0\0\0\0\0\0\0\0\2\0\2\0\x18\0", 18);
    refuses(write_file(folder_ / "a.tga", tga + std::string(12, 'x')), "is a picture (TGA), which is not read");
    refuses(write_file(folder_ / "a.mp4", "ID3" + std::string(60, 'x')), "is sound alone");
    refuses(write_file(folder_ / "a.jxl", "\xFF\x0A" + std::string(60, 'x')), "is a picture (JPEG XL)");
}

}  // namespace
}  // namespace t3video
