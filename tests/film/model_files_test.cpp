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
    fs::path make(const std::string& name) { return write_file(folder() / name, name.ends_with(".json") ? "{}" : "x"); }
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

// A retrofit's LoRA brings its windows along.
TEST_F(ModelFolder, TheLayoutBesideALoraComesFirst) {
    make("Wan2.1_VAE.pth");
    make("t3-layout.json");
    make("styles/plain.safetensors");
    make("run/lora/lora.safetensors");
    make("run/lora/t3-layout.json");
    const auto layout_with = [&](const std::vector<fs::path>& loras) {
        PartOverrides parts;
        for (const fs::path& lora : loras) parts.loras.push_back({.file = folder() / lora});
        return find_model(folder(), parts).layout;
    };
    EXPECT_EQ(layout_with({"styles/plain.safetensors"}), folder() / "t3-layout.json");
    EXPECT_EQ(layout_with({"run/lora/lora.safetensors", "styles/plain.safetensors"}),
              folder() / "run/lora/t3-layout.json");
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
    expect_invalid([&] { find_model(folder(), {.vae = folder()}); }, {"vae " + folder().string(), "is a folder"});
    expect_invalid([&] { find_model(folder(), {.tokenizer = none}); }, {"tokenizer " + none.string(), "no such file"});
}

TEST_F(ModelFolder, MustHoldAModel) {
    expect_invalid([&] { find_model(folder()); }, {folder().string(), "does not exist"});
    make("README.md");
    expect_invalid([&] { find_model(folder()); }, {folder().string(), "not a model folder", "model_index.json"});
    expect_invalid([&] { find_model(folder() / "README.md"); }, {"README.md", "is a file", "takes a folder"});
    write_file(folder() / "model_index.json", "{}");
    expect_invalid([&] { find_model(folder()); }, {folder().string(), "not a model folder"});
}

// A hub's variants, under each of the names that its programs give them; which was taken is said.
TEST_F(ModelFolder, Variants) {
    const auto taken = [&](std::initializer_list<const char*> names) {
        fs::remove_all(folder());
        make("model_index.json");
        make_all(names);
        return find_model(folder());
    };
    for (const char* name :
         {"transformer/diffusion_pytorch_model.fp16.safetensors",
          "transformer/diffusion_pytorch_model.safetensors.index.fp16.json",
          "transformer/diffusion_pytorch_model.fp16.safetensors.index.json",
          "transformer/diffusion_pytorch_model.ema.safetensors", "transformer/diffusion_pytorch_model.bin",
          "transformer/diffusion_pytorch_model.bin.index.json", "transformer/diffusion_pytorch_model.bf16.bin",
          "transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
          "transformer/diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
          "transformer/diffusion_pytorch_model-00001-of-00002.fp16.safetensors"}) {
        const ModelFiles files = taken({name});
        EXPECT_EQ(files.need(Part::dit), folder() / name);
        EXPECT_EQ(files.notes, std::vector<std::string>()) << name;
    }
    EXPECT_EQ(taken({"text_encoder/model.fp16.safetensors"}).need(Part::text_encoder),
              folder() / "text_encoder/model.fp16.safetensors");
    EXPECT_EQ(taken({"text_encoder/pytorch_model.bin"}).need(Part::text_encoder),
              folder() / "text_encoder/pytorch_model.bin");
    EXPECT_EQ(taken({"vae/diffusion_pytorch_model.fp16.safetensors"}).need(Part::vae),
              folder() / "vae/diffusion_pytorch_model.fp16.safetensors");
    const ModelFiles several = taken({"transformer/diffusion_pytorch_model.fp16.safetensors",
                                      "transformer/diffusion_pytorch_model.safetensors.index.json",
                                      "transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
                                      "transformer/diffusion_pytorch_model-00002-of-00002.safetensors",
                                      "transformer/diffusion_pytorch_model.bin"});
    EXPECT_EQ(several.need(Part::dit), folder() / "transformer/diffusion_pytorch_model.safetensors.index.json");
    EXPECT_EQ(several.notes, (std::vector{several.dit.string() +
                                          " is read, not the others beside it: "
                                          "diffusion_pytorch_model.fp16.safetensors, diffusion_pytorch_model.bin"}));
    for (const char* name : {"transformer/diffusion_pytorch_model.safetensors.json", "transformer/config.json",
                             "transformer/diffusion_pytorch_model.a.b.safetensors", "transformer/model.safetensors",
                             "transformer/diffusion_pytorch_model..safetensors"}) {
        taken({"vae/diffusion_pytorch_model.safetensors"});
        make(name);
        EXPECT_EQ(find_model(folder()).dit, "") << name;
    }
}

TEST_F(ModelFolder, OfficialInOtherFormats) {
    make_all({"diffusion_pytorch_model-00001-of-00002.safetensors", "models_t5_umt5-xxl-enc-fp8.safetensors",
              "Wan2.1_VAE.safetensors", "google/umt5-xxl/tokenizer.json"});
    const ModelFiles files = find_model(folder());
    EXPECT_EQ(files.need(Part::dit), folder() / "diffusion_pytorch_model-00001-of-00002.safetensors");
    EXPECT_EQ(files.need(Part::text_encoder), folder() / "models_t5_umt5-xxl-enc-fp8.safetensors");
    EXPECT_EQ(files.need(Part::vae), folder() / "Wan2.1_VAE.safetensors");
    EXPECT_EQ(files.need(Part::tokenizer), folder() / "google/umt5-xxl/tokenizer.json");
    EXPECT_EQ(files.notes, std::vector<std::string>());
    make("models_t5_umt5-xxl-enc-bf16.pth");
    EXPECT_EQ(find_model(folder()).notes,
              (std::vector{find_model(folder()).need(Part::text_encoder).string() +
                           " is read, not the others beside it: models_t5_umt5-xxl-enc-fp8.safetensors"}));
    EXPECT_EQ(find_model(folder()).text_encoder, folder() / "models_t5_umt5-xxl-enc-bf16.pth");
}

// models--Org--Name with refs/main and links into blobs.
TEST_F(ModelFolder, OfAHubsCache) {
    const fs::path cache = folder_ / "hub" / "models--Wan-AI--Wan2.1", snapshots = cache / "snapshots";
    const auto link = [&](const std::string& hash) {
        const fs::path blob = write_file(cache / "blobs" / "0a1b", "x");
        fs::create_directories(snapshots / hash);
        fs::create_symlink("../../blobs/0a1b", snapshots / hash / "Wan2.1_VAE.pth");
    };
    link("aaa");
    for (const fs::path& named : {cache, snapshots, snapshots / "", snapshots / "aaa"}) {
        EXPECT_EQ(find_model(named).folder, snapshots / "aaa") << named;
        EXPECT_EQ(find_model(named).need(Part::vae), snapshots / "aaa" / "Wan2.1_VAE.pth");
    }
    link("bbb");
    expect_invalid([&] { find_model(cache); }, {"snapshots: holds 2 snapshots; name one of them", "aaa"});
    write_file(cache / "refs" / "main", "bbb\n");
    EXPECT_EQ(find_model(cache).folder, snapshots / "bbb");
    write_file(cache / "refs" / "main", "..");
    expect_invalid([&] { find_model(cache); }, {"holds 2 snapshots"});
    expect_invalid([&] { find_model(folder_ / "hub"); },
                   {"holds the models of a hub's cache; name one", "models--Wan-AI"});
    fs::remove_all(snapshots);
    fs::create_directories(snapshots);
    expect_invalid([&] { find_model(cache); }, {"holds no snapshot"});
}

// Folders that say more than is read: in one line, but for what does not need the transformer.
TEST_F(ModelFolder, OthersThanTextToVideo) {
    const auto refused = [&](const std::string& file, const std::string& content, std::vector<std::string> says) {
        fs::remove_all(folder());
        make_all({"model_index.json", "transformer/diffusion_pytorch_model.safetensors", "Wan2.1_VAE.pth",
                  "vae/diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors"});
        write_file(folder() / "model_index.json", "{}");
        if (file == "config.json") fs::remove(folder() / "model_index.json"), fs::remove_all(folder() / "transformer");
        write_file(folder() / file, content);
        const ModelFiles files = find_model(folder());
        expect_invalid([&] { files.need(Part::dit); }, says);
        expect_invalid([&] { load_networks(files); }, says);
        EXPECT_TRUE(is_regular_file(files.need(Part::vae)));
        const PartOverrides other{.dit = write_file(folder_ / "other" / "t3.safetensors", "x")};
        EXPECT_EQ(find_model(folder(), other).need(Part::dit), other.dit) << content;
    };
    constexpr const char* kIndex = "model_index.json";
    refused(kIndex, R"({"_class_name": "WanPipeline", "transformer_2": ["diffusers", "WanTransformer3DModel"]})",
            {"transformer and transformer_2, two transformers", "A14B"});
    refused("transformer_2/diffusion_pytorch_model.safetensors", "x", {"two transformers"});
    refused("high_noise_model/config.json", "{}", {"high_noise_model and low_noise_model, two transformers", "A14B"});
    refused(kIndex, R"({"_class_name": "WanImageToVideoPipeline"})", {kIndex, "image-to-video", "text-to-video"});
    refused(kIndex, R"({"_class_name": "WanVACEPipeline"})", {kIndex, "is of a WanVACEPipeline"});
    refused(kIndex, R"({"_class_name": "WanPipeline", "image_encoder": ["transformers", "CLIPVisionModel"]})",
            {kIndex, "a part image_encoder, which is not run"});
    refused("transformer/config.json", R"({"_class_name": "WanVACETransformer3DModel"})",
            {"WanVACETransformer3DModel"});
    refused("transformer/config.json", R"({"image_dim": 1280})", {"image-to-video model (image_dim 1280)"});
    refused("config.json", R"({"_class_name": "WanModel", "model_type": "i2v"})", {"config.json", "of the kind i2v"});
    refused("config.json", R"({"_class_name": "CausalWanModel"})", {"config.json: is of a CausalWanModel"});

    for (const char* content :
         {R"({"_class_name": "WanPipeline", "transformer_2": [null, null], "boundary_ratio": null})",
          R"({"_class_name": "WanImageToVideoPipeline", "expand_timesteps": true, "image_encoder": [null, null]})",
          R"({"_class_name": "WanVideoToVideoPipeline"})"}) {
        fs::remove_all(folder());
        make("transformer/diffusion_pytorch_model.safetensors");
        write_file(folder() / kIndex, content);
        EXPECT_NO_THROW(find_model(folder()).need(Part::dit)) << content;
    }
    // Nothing but two transformers.
    fs::remove_all(folder());
    make_all({"high_noise_model/config.json", "low_noise_model/config.json"});
    expect_invalid([&] { find_model(folder()); }, {"two transformers"});
    // What a transformer given by the user says of itself.
    make("Wan2.1_VAE.pth");
    const PartOverrides i2v{.dit = write_file(folder_ / "i2v" / "dit.safetensors", "x")};
    write_file(folder_ / "i2v" / "config.json", R"({"model_type": "i2v"})");
    expect_invalid([&] { find_model(folder(), i2v).need(Part::dit); }, {"i2v/config.json", "of the kind i2v"});
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
