// Files of one network or of several, with prefixes.
#include "checkpoint/single_file.h"

#include "files.h"

namespace t3video::checkpoint {
namespace {

Tensor one(float value = 1) {
    return tensor_of({1}, DType::f32, raw_bytes(value));
}

std::vector<std::string> names(const TensorSource& source) {
    std::vector<std::string> all;
    for (const auto& [name, stored] : source.tensors) all.push_back(name);
    return all;
}

class SingleFile : public ::testing::Test {
  protected:
    std::filesystem::path file(const std::map<std::string, Tensor>& tensors) {
        save_safetensors(dir_ / "model.safetensors", tensors);
        return dir_ / "model.safetensors";
    }
    TempDir dir_;
};

TEST_F(SingleFile, PartsOfAFileOfAll) {
    const auto path = file({{"model.diffusion_model.patch_embedding.weight", one()},
                            {"model.diffusion_model.head.head.weight", one()},
                            {"first_stage_model.decoder.conv1.weight", one()},
                            {"text_encoders.umt5xxl.transformer.shared.weight", one()},
                            {"text_encoders.umt5xxl.spiece_model", one()},
                            {"text_encoders.umt5xxl.logit_scale", one()},
                            {"clip_vision.patch_embedding.bias", one()}});
    using Names = std::vector<std::string>;
    EXPECT_EQ(names(open_network(path, Network::dit)), (Names{"head.head.weight", "patch_embedding.weight"}));
    EXPECT_EQ(names(open_network(path, Network::vae)), (Names{"decoder.conv1.weight"}));
    EXPECT_EQ(names(open_network(path, Network::text_encoder)), (Names{"shared.weight"}));
    const Contents contents = contents_of(path);
    EXPECT_EQ(contents.networks, (std::vector{Network::dit, Network::vae, Network::text_encoder}));
    EXPECT_FALSE(contents.lora);
}

TEST_F(SingleFile, PlainNamesStay) {
    const auto path = file({{"decoder.conv1.weight", one()}, {"odd", one()}});
    EXPECT_EQ(names(open_network(path, Network::vae)), (std::vector<std::string>{"decoder.conv1.weight", "odd"}));
    EXPECT_EQ(contents_of(path).networks, (std::vector{Network::vae}));
}

// Any prefix that all names have, in front of names that every model of the kind has.
TEST_F(SingleFile, ASharedPrefixGoes) {
    using Names = std::vector<std::string>;
    const auto path = file({{"_orig_mod.module.patch_embedding.weight", one()},
                            {"_orig_mod.module.head.head.weight", one()},
                            {"scaled_fp8", one()}});
    EXPECT_EQ(names(open_network(path, Network::dit)), (Names{"head.head.weight", "patch_embedding.weight"}));
    EXPECT_EQ(contents_of(path).networks, (std::vector{Network::dit}));
    EXPECT_EQ(names(open_network(file({{"x.decoder.conv_in.weight", one()}, {"x.a", one()}}), Network::vae)),
              (Names{"a", "decoder.conv_in.weight"}));
    EXPECT_EQ(
        names(open_network(file({{"t5.encoder.embed_tokens.weight", one()}, {"t5.a", one()}}), Network::text_encoder)),
        (Names{"a", "encoder.embed_tokens.weight"}));
    const Names mixed{"a", "net.patch_embedding.weight"};  // not all have it
    EXPECT_EQ(names(open_network(file({{"net.patch_embedding.weight", one()}, {"a", one()}}), Network::dit)), mixed);
}

TEST_F(SingleFile, NamesAreThereOnce) {
    const auto path = file({{"model.diffusion_model.x.weight", one()}, {"diffusion_model.x.weight", one()}});
    try {
        open_network(path, Network::dit);
        ADD_FAILURE() << "opened";
    } catch (const InvalidRequest& error) {
        EXPECT_NE(std::string(error.what()).find("x.weight' is there twice"), std::string::npos) << error.what();
    }
}

TEST_F(SingleFile, KnowsALora) {
    EXPECT_TRUE(contents_of(file({{"diffusion_model.blocks.0.ffn.0.lora_A.weight", one()}})).lora);
    const Contents nothing = contents_of(file({{"x", one()}}));
    EXPECT_FALSE(nothing.lora);
    EXPECT_TRUE(nothing.networks.empty());
}

}  // namespace
}  // namespace t3video::checkpoint
