// Networks that fit together, and which transformer a noise level takes.
#include "film/networks.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace t3video::film {
namespace {

using namespace testing;
namespace fs = std::filesystem;

const fs::path kGolden = T3VIDEO_TEST_DATA "/golden";

TEST(LoadNetworks, TraitsFollowTheVae) {
    const ModelTraits wan21 = load_networks(find_model(kGolden / "wan21-tiny/model")).traits();
    EXPECT_EQ(wan21.cell, 16);
    EXPECT_FALSE(wan21.wan22);
    const ModelTraits wan22 = load_networks(find_model(kGolden / "wan22-tiny/model")).traits();
    EXPECT_EQ(wan22.cell, 32);
    EXPECT_TRUE(wan22.wan22);
    EXPECT_EQ(load_networks(find_model(kGolden / "diffusers-tiny/model")).traits().cell, 16);
}

TEST(LoadNetworks, PartsMustFitTogether) {
    const fs::path wan21 = kGolden / "wan21-tiny/model", wan22_vae = kGolden / "wan22-tiny/model/Wan2.2_VAE.pth";
    expect_invalid([&] { load_networks(find_model(wan21, {.vae = wan22_vae})); },
                   {"diffusion_pytorch_model.safetensors", "16 channels", wan22_vae.string(), "48"});
    const fs::path demo_encoder = demo_model_folder() / "models_t5_umt5-xxl-enc-bf16.pth";
    expect_invalid([&] { load_networks(find_model(wan21, {.text_encoder = demo_encoder})); },
                   {"diffusion_pytorch_model.safetensors", "width 64", demo_encoder.string(), "96"});
}

TEST(Experts, AreFoundByNoise) {
    const models::WanDit dit{models::DitConfig{.dim = 24, .heads = 2}};
    const std::vector<Expert> experts{{dit, 0, 0.4}, {dit, 0.8, 1}, {dit, 0.4, 0.8}};
    const auto number = [&](double sigma) { return expert_for(experts, sigma); };
    EXPECT_EQ(number(0), 0U);
    EXPECT_EQ(number(0.39), 0U);
    EXPECT_EQ(number(0.4), 2U);
    EXPECT_EQ(number(0.79), 2U);
    EXPECT_EQ(number(0.8), 1U);
    EXPECT_EQ(number(1), 1U);
    EXPECT_THROW(number(1.01), Error);
    EXPECT_THROW(expert_for({}, 0.5), Error);
    const std::vector<Expert> all{{dit}};
    for (const double sigma : {0.0, 0.5, 1.0}) EXPECT_EQ(expert_for(all, sigma), 0U);
}

}  // namespace
}  // namespace t3video::film
