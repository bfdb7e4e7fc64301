// Finding the parts of a model.
#include "film/model_files.h"

#include <gtest/gtest.h>

#include "film/networks.h"
#include "support/errors.h"
#include "support/files.h"

namespace t3video::film {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class ModelFolder : public ::testing::Test {
  protected:
    fs::path folder() const { return folder_ / "model"; }
    fs::path make(const std::string& name) { return write_file(folder() / name, "x"); }
    void make_all(std::initializer_list<const char*> names) {
        for (const char* name : names) make(name);
    }
    TemporaryFolder folder_;
};

TEST_F(ModelFolder, Official) {
    make_all({"diffusion_pytorch_model.safetensors", "config.json", "models_t5_umt5-xxl-enc-bf16.pth", "Wan2.1_VAE.pth",
              "google/umt5-xxl/spiece.model", "t3-layout.json", "generation_config.json"});
    const ModelFiles files = find_model(folder());
    EXPECT_EQ(files.kind, FolderKind::official);
    EXPECT_EQ(files.folder, folder());
    EXPECT_EQ(files.need(Part::dit), folder() / "diffusion_pytorch_model.safetensors");
    EXPECT_EQ(files.need(Part::text_encoder), folder() / "models_t5_umt5-xxl-enc-bf16.pth");
    EXPECT_EQ(files.need(Part::vae), folder() / "Wan2.1_VAE.pth");
    EXPECT_EQ(files.need(Part::tokenizer), folder() / "google/umt5-xxl/spiece.model");
    EXPECT_EQ(files.dit_config, folder() / "config.json");
    EXPECT_EQ(files.layout, folder() / "t3-layout.json");
    EXPECT_EQ(files.generation, folder() / "generation_config.json");
    EXPECT_EQ(files.scheduler, "");
}

TEST_F(ModelFolder, OfficialInShards) {
    make_all({"diffusion_pytorch_model.safetensors.index.json", "Wan2.2_VAE.pth"});
    const ModelFiles files = find_model(folder());
    EXPECT_EQ(files.need(Part::dit), folder() / "diffusion_pytorch_model.safetensors.index.json");
    EXPECT_EQ(files.need(Part::vae), folder() / "Wan2.2_VAE.pth");
    EXPECT_EQ(files.layout, "");
    EXPECT_EQ(files.generation, "");
}

TEST_F(ModelFolder, Diffusers) {
    make_all({"model_index.json", "transformer/diffusion_pytorch_model.safetensors.index.json",
              "transformer/t3-layout.json", "text_encoder/model.safetensors", "vae/diffusion_pytorch_model.safetensors",
              "tokenizer/spiece.model", "scheduler/scheduler_config.json", "t3-layout.json"});
    const ModelFiles files = find_model(folder());
    EXPECT_EQ(files.kind, FolderKind::diffusers);
    EXPECT_EQ(files.need(Part::dit), folder() / "transformer/diffusion_pytorch_model.safetensors.index.json");
    EXPECT_EQ(files.need(Part::text_encoder), folder() / "text_encoder/model.safetensors");
    EXPECT_EQ(files.need(Part::vae), folder() / "vae/diffusion_pytorch_model.safetensors");
    EXPECT_EQ(files.need(Part::tokenizer), folder() / "tokenizer/spiece.model");
    EXPECT_EQ(files.dit_config, folder() / "transformer/config.json");
    EXPECT_EQ(files.scheduler, folder() / "scheduler/scheduler_config.json");
    EXPECT_EQ(files.layout, folder() / "transformer/t3-layout.json") << "beside the DiT file comes first";
    fs::remove(folder() / "transformer/t3-layout.json");
    EXPECT_EQ(find_model(folder()).layout, folder() / "t3-layout.json");
}

TEST_F(ModelFolder, MissingPartsAreNamedWithTheirFields) {
    make("Wan2.1_VAE.pth");
    const ModelFiles official = find_model(folder());
    const auto refused = [](const ModelFiles& files, Part part, const std::string& file, const std::string& field) {
        expect_invalid([&] { files.need(part); }, {files.folder.string(), file, "is missing", field});
    };
    refused(official, Part::dit, "diffusion_pytorch_model.safetensors", "dit");
    refused(official, Part::text_encoder, "models_t5_umt5-xxl-enc-bf16.pth", "text-encoder");
    refused(official, Part::tokenizer, "google/umt5-xxl/spiece.model", "tokenizer");
    expect_invalid([&] { load_networks(official); }, {"diffusion_pytorch_model.safetensors", "dit"});
    make("diffusion_pytorch_model.safetensors");
    fs::remove(folder() / "Wan2.1_VAE.pth");
    refused(find_model(folder()), Part::vae, "Wan2.1_VAE.pth", "vae");

    make_all({"model_index.json", "vae/diffusion_pytorch_model.safetensors"});
    const ModelFiles diffusers = find_model(folder());
    refused(diffusers, Part::dit, "transformer/diffusion_pytorch_model.safetensors", "dit");
    refused(diffusers, Part::text_encoder, "text_encoder/model.safetensors", "text-encoder");
    refused(diffusers, Part::tokenizer, "tokenizer/spiece.model", "tokenizer");
    fs::remove(folder() / "vae/diffusion_pytorch_model.safetensors");
    make("transformer/diffusion_pytorch_model.safetensors");
    refused(find_model(folder()), Part::vae, "vae/diffusion_pytorch_model.safetensors", "vae");
}

TEST_F(ModelFolder, PartsCanBeReplaced) {
    make_all({"diffusion_pytorch_model.safetensors", "config.json", "t3-layout.json"});
    const auto other = [&](const std::string& name) { return write_file(folder_ / "other" / name, "x"); };
    PartOverrides parts{other("t3.safetensors"), other("encoder.pth"), other("vae.pth"), other("spiece.model")};
    const ModelFiles files = find_model(folder(), parts);
    EXPECT_EQ(files.need(Part::dit), parts.dit);
    EXPECT_EQ(files.need(Part::text_encoder), parts.text_encoder);
    EXPECT_EQ(files.need(Part::vae), parts.vae);
    EXPECT_EQ(files.need(Part::tokenizer), parts.tokenizer);
    // What belongs to a DiT lies beside it, else in the model's folder.
    EXPECT_EQ(files.dit_config, folder() / "config.json");
    EXPECT_EQ(files.layout, folder() / "t3-layout.json");
    const auto config = other("config.json"), layout = other("t3-layout.json");
    EXPECT_EQ(find_model(folder(), parts).dit_config, config);
    EXPECT_EQ(find_model(folder(), parts).layout, layout);
}

TEST_F(ModelFolder, ReplacementsMustExist) {
    make("Wan2.1_VAE.pth");
    const fs::path none = folder_ / "none";
    expect_invalid([&] { find_model(folder(), {.dit = none}); }, {"dit " + none.string(), "no such file"});
    expect_invalid([&] { find_model(folder(), {.text_encoder = none}); },
                   {"text-encoder " + none.string(), "no such file"});
    expect_invalid([&] { find_model(folder(), {.vae = folder()}); }, {"vae " + folder().string(), "no such file"});
    expect_invalid([&] { find_model(folder(), {.tokenizer = none}); }, {"tokenizer " + none.string(), "no such file"});
}

TEST_F(ModelFolder, MustHoldAModel) {
    expect_invalid([&] { find_model(folder()); }, {folder().string(), "does not exist"});
    make("README.md");
    expect_invalid([&] { find_model(folder()); }, {folder().string(), "not a model folder", "model_index.json"});
    expect_invalid([&] { find_model(folder() / "README.md"); }, {"README.md", "does not exist"});
    make("model_index.json");
    expect_invalid([&] { find_model(folder()); }, {folder().string(), "not a model folder"});
}

// A layout belongs to a DiT file: without one, that of the working folder is not meant.
TEST_F(ModelFolder, LayoutOfTheWorkingFolderIsNotTheModels) {
    make("Wan2.1_VAE.pth");
    write_file(folder_ / "t3-layout.json", "{}");
    const fs::path before = fs::current_path();
    fs::current_path(folder_.path());
    const ModelFiles files = find_model(folder());
    fs::current_path(before);
    EXPECT_EQ(files.layout, "");
}

TEST(DemoModel, HasAllParts) {
    const ModelFiles files = find_model(demo_model_folder());
    for (const Part part : {Part::dit, Part::text_encoder, Part::vae, Part::tokenizer})
        EXPECT_TRUE(fs::is_regular_file(files.need(part)));
    EXPECT_TRUE(fs::is_regular_file(files.layout));
    EXPECT_TRUE(fs::is_regular_file(files.generation));
}

}  // namespace
}  // namespace t3video::film
