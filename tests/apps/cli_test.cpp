// The program as a newcomer meets it: help, version, inspect, one small film.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "checkpoint/tensor_source.h"
#include "core/build.h"
#include "ops/devices.h"
#include "support/images.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;

TEST(Cli, HelpListsCommandsAndExamples) {
    const Outcome outcome = run_program({"--help"});
    EXPECT_EQ(outcome.exit_code, 0);
    for (const char* part : {"devices", "generate", "inspect", "module", "plan", "version", "Examples:"}) {
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
    }
}

TEST(Cli, GenerateHelpShowsDefaults) {
    const Outcome outcome = run_program({"generate", "--help"});
    EXPECT_EQ(outcome.exit_code, 0);
    for (const char* part :
         {"--prompt", "--size", "832x480", "1280x704", "3840x2160", "--layout", "--seed", ".mp4", ".y4m", "%05d.png"}) {
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
    }
}

TEST(Cli, Version) {
    const Outcome outcome = run_program({"version"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_TRUE(outcome.out.starts_with("t3video ")) << outcome.out;
}

TEST(Cli, DevicesForPeopleAndPrograms) {
    const auto gpus = ops::gpus();
    const Outcome table = run_program({"devices"}), json = run_program({"devices", "--json"});
    EXPECT_EQ(table.exit_code, 0) << table.err;
    EXPECT_EQ(json.exit_code, 0) << json.err;
    EXPECT_TRUE(table.out.starts_with("cpu     ")) << table.out;
    EXPECT_NE(table.out.find(!gpus.empty() ? "\ncuda:0  "
                             : kWithCuda   ? "\ncuda    "
                                           : "\ncuda    not in this build\n"),
              std::string::npos)
        << table.out;
    const auto all = nlohmann::json::parse(json.out);
    EXPECT_FALSE(all.at("cpu").at("name").get<std::string>().empty());
    EXPECT_GE(all.at("cpu").at("threads").get<int>(), 1);
    EXPECT_GT(all.at("cpu").at("allowed_bytes").get<int64_t>(), 0);
    ASSERT_EQ(all.at("gpus").size(), gpus.size());
    EXPECT_EQ(all.contains("no_gpus"), gpus.empty());
    for (size_t i = 0; i < gpus.size(); ++i) {
        EXPECT_EQ(all["gpus"][i].at("device"), "cuda:" + std::to_string(i));
        EXPECT_EQ(all["gpus"][i].at("name"), gpus[i].name);
        EXPECT_EQ(all["gpus"][i].at("multiprocessors"), gpus[i].multiprocessors);
        EXPECT_EQ(all["gpus"][i].at("bytes"), gpus[i].memory);
    }
}

TEST(Cli, InspectShowsTheDemoModel) {
    const Outcome outcome = run_program({"inspect"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const char* part : {"width 192, 4 heads of 48, 10 layers", "bf16", "4,980,672 parameters",
                             "--size 448x256 --frames 17", "5x16x28", "1x4x7"}) {
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    }
}

TEST(Cli, InspectShowsALayout) {
    const Outcome outcome = run_program({"inspect", T3VIDEO_SOURCE "/models/demo/t3-layout.json", "--width", "192"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("3.854 GFLOP"), std::string::npos) << outcome.out;  // 4 * 192 * 2240^2
}

TEST(Cli, InspectTellsWhatAFileIs) {
    const std::string folder = T3VIDEO_SOURCE "/models/demo/";
    const auto shows = [&](const std::string& file, const std::vector<std::string>& parts) {
        const Outcome outcome = run_program({"inspect", file});
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        for (const std::string& part : parts)
            EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    };
    shows(folder + "Wan2.1_VAE.pth", {"VAE", "16 latent channels"});
    shows(folder + "models_t5_umt5-xxl-enc-bf16.pth", {"Text encoder", "UMT5, width 96"});
    shows(folder + "diffusion_pytorch_model.safetensors", {"Transformer", "width 192"});
    const TemporaryFolder temporary;
    checkpoint::save_safetensors(temporary / "lora.safetensors",
                                 {{"lora_unet_blocks_0_ffn_0.lora_down.weight", empty_on_host({8, 192})},
                                  {"lora_unet_blocks_0_ffn_0.lora_up.weight", empty_on_host({768, 8})}});
    shows(temporary / "lora.safetensors", {"LoRA", "1 weights of rank 8, 0 other differences"});
}

TEST(Cli, RefusalsNameWhatWasGiven) {
    const TemporaryFolder folder;
    const auto refused = [&](std::vector<std::string> words, const std::string& says) {
        words.insert(words.begin(), {"generate", "--frames", "1", "--size", "64x64", "--steps", "1", "--quiet"});
        const Outcome outcome = run_program(words);
        EXPECT_EQ(outcome.exit_code, 2) << says;
        EXPECT_NE(outcome.err.find(says), std::string::npos) << says << "\n" << outcome.err;
    };
    const std::string walk = folder / "walk/", picture = walk + "00000.png";
    std::filesystem::create_directory(walk);
    ASSERT_EQ(run_program({"generate", "-p", "x", "--frames", "1", "--size", "64x64", "--steps", "1", "-o", picture,
                           "--no-contact-sheet", "--quiet"})
                  .exit_code,
              0);
    refused({"-p", "x", "--video", walk, "-o", walk}, walk + ": would lie among the files of");
    refused({"-p", "x", "--tokenizer", picture}, "00000.png: is a picture (PNG)");
    refused({"-p", "x", "--layout", picture}, "00000.png: is a picture (PNG)");
    refused({"-p", "x", "--model", picture},
            "00000.png: is a file; --model takes a folder, --dit a transformer's file");
    refused({"-p", "x", "--solver", "foo"},
            "euler, unipc, dpm++, renoise, rcm; or a scheduler of diffusers: UniPCMultistepScheduler");
    refused({"-p", "x", "-o", folder / "a.png", "--memory", "24"}, "needs ");
}

TEST(Cli, LorasChangeTheFilm) {
    const TemporaryFolder folder;
    Context ctx;
    for (const char* name : {"a", "b"}) {
        const std::string key = std::string("blocks.") + (*name == 'a' ? "0" : "1") + ".self_attn.o.diff_b";
        Tensor bias = empty(ctx, {192});
        std::ranges::fill(bias.span<float>(), 0.3f);
        checkpoint::save_safetensors(folder / (std::string(name) + ".safetensors"), {{key, bias}});
    }
    const std::string a = folder / "a.safetensors", b = folder / "b.safetensors";
    const auto film = [&](const std::vector<std::string>& loras) {
        std::vector<std::string> arguments{"generate", "--prompt", "A red ball.",       "--size",     "64x64",
                                           "--frames", "1",        "--steps",           "1",          "--cfg",
                                           "1",        "--output", folder / "film.y4m", "--overwrite"};
        for (const std::string& lora : loras) arguments.insert(arguments.end(), {"--lora", lora});
        const Outcome outcome = run_program(arguments);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        for (const std::string& lora : loras)
            EXPECT_NE(outcome.err.find(lora.substr(0, lora.rfind(':'))), std::string::npos) << outcome.err;
        return read_file(folder / "film.y4m");
    };
    const std::string none = film({}), one = film({a}), weaker = film({a + ":0.5"}), two = film({a, b + ":-2"});
    EXPECT_EQ(std::set<std::string>({none, one, weaker, two}).size(), 4U);
    EXPECT_EQ(film({a + ":0"}), none);
}

TEST(Cli, GeneratesAFilmCroppedToTheAskedSize) {
    const TemporaryFolder folder;
    const Outcome outcome =
        run_program({"generate", "--prompt", "A red ball drifts left over green hills.", "--size", "250x130",
                     "--frames", "5", "--steps", "2", "--fps", "12", "--output", folder / "film.y4m"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("cropped from 256x144"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("T3 windows planned from those of"), std::string::npos) << outcome.err;
    const Y4m film = read_y4m(folder / "film.y4m");
    EXPECT_EQ(film.width, 250);
    EXPECT_EQ(film.height, 130);
    EXPECT_EQ(film.frames.size(), 5u);
    EXPECT_EQ(film.fps, "12:1");
    EXPECT_TRUE(std::filesystem::exists(folder / "film.png"));
    EXPECT_TRUE(std::filesystem::exists(folder / "film.job/latents.safetensors"));

    const std::string first = read_file(folder / "film.y4m");
    const Outcome again =
        run_program({"generate", "--prompt", "A red ball drifts left over green hills.", "--size", "250x130",
                     "--frames", "5", "--steps", "2", "--fps", "12", "--output", folder / "film.y4m"});
    EXPECT_NE(again.err.find("film.y4m is there"), std::string::npos) << again.err;
    EXPECT_EQ(read_file(folder / "film.y4m"), first);
}

}  // namespace
}  // namespace t3video
