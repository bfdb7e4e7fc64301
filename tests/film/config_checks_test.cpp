// config.json against the weights beside it.
#include "film/config_checks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "film/networks.h"
#include "models/wan_vae/latent_stats.h"
#include "support/errors.h"
#include "support/files.h"

namespace t3video::film {
namespace {

using namespace testing;
using nlohmann::json;
namespace fs = std::filesystem;

const fs::path kGolden = T3VIDEO_TEST_DATA "/golden";

// A copy of a model whose configs are changed.
class Configs : public ::testing::Test {
  protected:
    Configs() { take("diffusers-tiny"); }
    void take(const char* name) {
        fs::remove_all(folder());
        fs::copy(kGolden / name / "model", folder(), fs::copy_options::recursive);
        fs::permissions(folder(), fs::perms::owner_all, fs::perm_options::add);
        for (const auto& entry : fs::recursive_directory_iterator(folder()))
            fs::permissions(entry.path(), fs::perms::owner_all, fs::perm_options::add);
    }
    fs::path folder() const { return folder_ / "model"; }
    void load() const { load_networks(find_model(folder())); }
    void set(const std::string& part, const char* key, const json& value) {
        const fs::path file = folder() / part / "config.json";
        json config = json::parse(read_file(file));
        config[key] = value;
        write_file(file, config.dump());
    }
    void expect_refused(const std::string& part, const char* key, const json& value) {
        const std::string before = read_file(folder() / part / "config.json");
        set(part, key, value);
        expect_invalid([&] { load(); }, {(folder() / part / "config.json").string(), concat('"', key, '"')});
        write_file(folder() / part / "config.json", before);
    }
    TemporaryFolder folder_;
};

TEST_F(Configs, SizesAreThoseOfTheWeights) {
    for (const char* key : {"num_layers", "ffn_dim", "in_channels", "out_channels", "freq_dim", "text_dim"})
        expect_refused("transformer", key, 7);
    for (const char* key : {"num_layers", "d_model", "d_ff", "d_kv", "num_heads", "vocab_size"})
        expect_refused("text_encoder", key, 7);
    for (const char* key : {"z_dim", "base_dim", "in_channels", "num_res_blocks", "scale_factor_spatial"})
        expect_refused("vae", key, 7);
    set("transformer", "num_layers", 3);
    expect_invalid([&] { load(); }, {"\"num_layers\" is 3, but", "diffusion_pytorch_model.safetensors holds 2"});
}

TEST_F(Configs, SettingsAreThoseThatAreFollowed) {
    expect_refused("transformer", "patch_size", {1, 1, 1});
    expect_refused("transformer", "qk_norm", nullptr);
    expect_refused("transformer", "cross_attn_norm", false);
    expect_refused("text_encoder", "relative_attention_num_buckets", 16);
    expect_refused("text_encoder", "relative_attention_max_distance", 64);
    expect_refused("text_encoder", "dense_act_fn", "relu");
    expect_refused("text_encoder", "feed_forward_proj", "relu");
    expect_refused("text_encoder", "model_type", "t5");
    expect_refused("text_encoder", "layer_norm_epsilon", 1e-5);
    expect_refused("vae", "_class_name", "AutoencoderKL");
    expect_refused("vae", "patch_size", 2);
    expect_refused("vae", "is_residual", true);
    expect_refused("vae", "latents_mean", std::vector<double>(16, 0.5));
    expect_refused("vae", "latents_std", std::vector<double>(16, 2.0));
    expect_refused("vae", "latents_std", std::vector<double>(48, 2.0));
}

TEST_F(Configs, OfficialOnesToo) {
    for (const char* name : {"wan21-tiny", "wan22-tiny"}) {
        take(name);
        EXPECT_NO_THROW(load());
        for (const char* key : {"num_layers", "ffn_dim", "in_dim", "out_dim", "freq_dim", "text_len"})
            expect_refused("", key, 7);
        expect_refused("", "qk_norm", false);
    }
}

TEST_F(Configs, WhatChangesNothingIsPassedOver) {
    set("transformer", "rope_max_seq_len", 16);
    set("transformer", "out_channels", nullptr);
    set("transformer", "anything", {{"else", 1}});
    set("vae", "clip_output", false);
    set("vae", "dropout", 0.5);
    set("text_encoder", "num_decoder_layers", 24);
    std::vector<float> mean(models::latent_stats(16).mean.begin(), models::latent_stats(16).mean.end());
    mean[3] += 5e-5f;
    set("vae", "latents_mean", mean);
    EXPECT_NO_THROW(load());
    mean[3] += 1e-3f;
    set("vae", "latents_mean", mean);
    expect_invalid([&] { load(); }, {"latents_mean"});
}

// As diffusers writes it for TI2V-5B.
TEST_F(Configs, Wan22sVae) {
    take("wan22-tiny");
    const ModelFiles files = find_model(folder());
    const auto vae = load_networks(files).vae.config();
    json config = json::parse(R"({"_class_name": "AutoencoderKLWan", "attn_scales": [], "decoder_base_dim": 256,
        "dim_mult": [1, 2, 4, 4], "in_channels": 12, "out_channels": 12, "is_residual": true, "num_res_blocks": 2,
        "patch_size": 2, "scale_factor_spatial": 16, "scale_factor_temporal": 4, "z_dim": 48})");
    config["num_res_blocks"] = vae.encoder.stages.front().blocks;
    config["latents_mean"] =
        std::vector<float>(models::latent_stats(48).mean.begin(), models::latent_stats(48).mean.end());
    const fs::path other = folder_ / "vae" / "vae.pth";
    write_file(other, "");
    write_file(folder_ / "vae" / "config.json", config.dump());
    EXPECT_NO_THROW(check_vae_config(other, vae));
    config["is_residual"] = false;
    write_file(folder_ / "vae" / "config.json", config.dump());
    expect_invalid([&] { check_vae_config(other, vae); }, {"is_residual"});
}

// A folder's config says nothing of a transformer that lies elsewhere.
TEST_F(Configs, SpeakForTheFileBesideThem) {
    set("transformer", "ffn_dim", 7);
    const fs::path elsewhere = folder_ / "other" / "dit.safetensors";
    fs::create_directories(elsewhere.parent_path());
    fs::copy(folder() / "transformer/diffusion_pytorch_model.safetensors", elsewhere);
    EXPECT_NO_THROW(load_networks(find_model(folder(), {.dit = elsewhere})));
    fs::copy(folder() / "transformer/config.json", elsewhere.parent_path() / "config.json");
    expect_invalid([&] { load_networks(find_model(folder(), {.dit = elsewhere})); }, {"ffn_dim", "other"});
}

TEST_F(Configs, OtherKindsOfFilesAreNamed) {
    constexpr const char* kPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    for (const char* name :
         {"transformer/config.json", "vae/config.json", "text_encoder/config.json", "model_index.json"}) {
        const std::string before = read_file(folder() / name);
        write_file(folder() / name, kPointer);
        expect_invalid([&] { load(); }, {name, "is a Git LFS pointer"});
        write_file(folder() / name, before);
    }
}

TEST_F(Configs, ABoundaryNeedsTwoTransformers) {
    json index = json::parse(read_file(folder() / "model_index.json"));
    index["transformer_2"] = {nullptr, nullptr};
    index["boundary_ratio"] = nullptr;
    write_file(folder() / "model_index.json", index.dump());
    EXPECT_NO_THROW(load());
    index["boundary_ratio"] = 0.875;
    write_file(folder() / "model_index.json", index.dump());
    expect_invalid([&] { load(); }, {"model_index.json", "\"boundary_ratio\" is 0.875"});
}

}  // namespace
}  // namespace t3video::film
