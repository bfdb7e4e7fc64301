// DiT tensors: the released models' names and shapes, and what is read off them.
#include <gtest/gtest.h>

#include <cctype>

#include "manifests.h"
#include "models/wan_dit/model.h"
#include "models/wan_dit/names.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/memory.h"

namespace t3video::models {
namespace {

using namespace testing;

using Shapes = std::map<std::string, Shape>;

// Under official names, as WanDit::load does it.
Shapes official(const Shapes& shapes) {
    Shapes renamed;
    for (const auto& [name, shape] : shapes) {
        const std::string translated = official_dit_name(name);
        EXPECT_TRUE(renamed.emplace(translated.empty() ? name : translated, shape).second) << name;
    }
    return renamed;
}

struct RealDit {
    const char* name;
    int64_t dim, heads, layers, ffn_dim, in_channels, out_channels, tensors, parameters;
    bool image_branch;
};

std::ostream& operator<<(std::ostream& out, const RealDit& dit) {
    return out << dit.name;
}

const RealDit kReal[] = {
    {"wan2.1-t2v-1.3b.dit.official", 1536, 12, 30, 8960, 16, 16, 825, 1'418'996'800, false},
    {"wan2.1-t2v-1.3b.dit.diffusers", 1536, 12, 30, 8960, 16, 16, 825, 1'418'996'800, false},
    {"wan2.1-t2v-14b.dit.official", 5120, 40, 40, 13824, 16, 16, 1095, 14'288'491'584, false},
    {"wan2.1-i2v-14b.dit.official", 5120, 40, 40, 13824, 36, 16, 1303, 16'394'878'784, true},
    {"wan2.2-ti2v-5b.dit.official", 3072, 24, 30, 14336, 48, 48, 825, 4'999'787'712, false},
    {"wan2.2-ti2v-5b.dit.diffusers", 3072, 24, 30, 14336, 48, 48, 825, 4'999'787'712, false},
    {"wan2.2-i2v-a14b.dit.official", 5120, 40, 40, 13824, 36, 16, 1095, 14'288'901'184, false},
};

class RealDits : public ::testing::TestWithParam<RealDit> {};
INSTANTIATE_TEST_SUITE_P(WanDit, RealDits, ::testing::ValuesIn(kReal), [](const auto& one) {
    std::string name = one.param.name;
    std::erase_if(name, [](unsigned char c) { return !std::isalnum(c); });
    return name;
});

TEST_P(RealDits, EveryTensorHasItsPlace) {
    const RealDit& real = GetParam();
    const Shapes shapes = official(read_manifest(concat(real.name, ".json")));
    EXPECT_EQ(static_cast<int64_t>(shapes.size()), real.tensors);
    EXPECT_EQ(total_elements(shapes), real.parameters);

    const DitConfig c = infer_dit_config(shapes, "/nonexistent/config.json", real.name);
    EXPECT_EQ(c.dim, real.dim);
    EXPECT_EQ(c.heads, real.heads);
    EXPECT_EQ(c.head_width(), 128);
    EXPECT_EQ(c.layers, real.layers);
    EXPECT_EQ(c.ffn_dim, real.ffn_dim);
    EXPECT_EQ(c.in_channels, real.in_channels);
    EXPECT_EQ(c.out_channels, real.out_channels);
    EXPECT_EQ(c.text_dim, 4096);
    EXPECT_EQ(c.freq_dim, 256);
    EXPECT_EQ(c.eps, 1e-6f);
    EXPECT_EQ(c.image_branch, real.image_branch);

    const int64_t before = memory_kb("VmRSS");
    WanDit model(c);
    Shapes expected = shapes_of(model);
    if (kMemoryIsMeasurable) {
        EXPECT_LT(memory_kb("VmRSS") - before, 8 * 1024) << "a model without values takes memory";
    }
    if (c.image_branch) expected.merge(image_branch_shapes(c, shapes));
    EXPECT_EQ(expected, shapes);
}

TEST(DitNames, DiffusersAndOfficialManifestsAgree) {
    for (const std::string model : {"wan2.1-t2v-1.3b", "wan2.2-ti2v-5b"}) {
        EXPECT_EQ(official(read_manifest(model + ".dit.diffusers.json")), read_manifest(model + ".dit.official.json"));
    }
}

TEST(DitNames, ImageBranchOfDiffusersFiles) {
    const std::pair<const char*, const char*> names[] = {
        {"condition_embedder.image_embedder.norm1.weight", "img_emb.proj.0.weight"},
        {"condition_embedder.image_embedder.ff.net.0.proj.bias", "img_emb.proj.1.bias"},
        {"condition_embedder.image_embedder.ff.net.2.weight", "img_emb.proj.3.weight"},
        {"condition_embedder.image_embedder.norm2.bias", "img_emb.proj.4.bias"},
        {"condition_embedder.image_embedder.pos_embed", "img_emb.emb_pos"},
        {"blocks.7.attn2.add_k_proj.weight", "blocks.7.cross_attn.k_img.weight"},
        {"blocks.7.attn2.add_v_proj.bias", "blocks.7.cross_attn.v_img.bias"},
        {"blocks.39.attn2.norm_added_k.weight", "blocks.39.cross_attn.norm_k_img.weight"},
    };
    for (const auto& [found, expected] : names) EXPECT_EQ(official_dit_name(found), expected);
}

TEST(DitNames, OtherNamesAreNotTranslated) {
    for (const char* name :
         {"", "blocks.", "blocks.3", "blocks.3.", "blocks.3.norm3.weight", "blocks.3.self_attn.q.weight",
          "head.modulation", "head.head.weight", "patch_embedding.weight", "encoder.conv1.weight"}) {
        EXPECT_EQ(official_dit_name(name), "") << name;
    }
}

TEST(DitNames, TwoImagesHaveAPositionEmbedding) {
    Shapes shapes = read_manifest("wan2.1-i2v-14b.dit.official.json");
    shapes["img_emb.emb_pos"] = {1, 514, 1280};
    const DitConfig c = infer_dit_config(shapes, "", "dit");
    const Shapes extra = image_branch_shapes(c, shapes);
    EXPECT_EQ(extra.at("img_emb.emb_pos"), (Shape{1, 514, 1280}));
    EXPECT_EQ(total_elements(shapes), 16'395'536'704);  // Wan2.1 FLF2V-14B
}

class DitConfigFile : public ::testing::Test {
  protected:
    DitConfig infer(const std::string& content) {
        return infer_dit_config(shapes_, write_file(folder_ / "config.json", content), "dit.safetensors");
    }
    TemporaryFolder folder_;
    Shapes shapes_ = read_manifest("wan2.1-t2v-1.3b.dit.official.json");
};

TEST_F(DitConfigFile, GivesHeadsAndEpsilon) {
    EXPECT_EQ(infer(R"({"num_heads": 8})").heads, 8);
    EXPECT_EQ(infer(R"({"num_attention_heads": 16, "attention_head_dim": 96})").heads, 16);
    EXPECT_EQ(infer(R"({"eps": 1e-5})").eps, 1e-5f);
    EXPECT_EQ(infer("{}").heads, 12);  // the released models' head width
    EXPECT_EQ(infer("[]").heads, 12);
    EXPECT_EQ(infer_dit_config(shapes_, folder_.path(), "dit.safetensors").heads, 12) << "a folder is no config file";
}

// As when a folder's transformer is replaced by a wider one that has no config.json of its own.
TEST_F(DitConfigFile, OfAnotherWidthSaysNothing) {
    EXPECT_EQ(infer(R"({"dim": 1536, "num_heads": 8})").heads, 8);
    EXPECT_EQ(infer(R"({"dim": 3072, "num_heads": 24, "eps": 1e-5})").heads, 12);
    EXPECT_EQ(infer(R"({"num_attention_heads": 24, "attention_head_dim": 128})").heads, 12);
}

// Tensors are trusted over what the file says about them.
TEST_F(DitConfigFile, DoesNotOverruleTheTensors) {
    const DitConfig c = infer(R"({"num_layers": 40, "image_dim": 1280, "added_kv_proj_dim": 5120, "in_dim": 36})");
    EXPECT_EQ(c.layers, 30);
    EXPECT_EQ(c.in_channels, 16);
    EXPECT_FALSE(c.image_branch);
}

TEST_F(DitConfigFile, WrongContent) {
    expect_invalid([&] { infer("{\"num_heads\": 12"); }, {(folder_ / "config.json").string(), "not valid JSON"});
    expect_invalid([&] { infer(""); }, {(folder_ / "config.json").string(), "not valid JSON"});
    expect_invalid([&] { infer(R"({"num_heads": 7})"); }, {"dit.safetensors", "7 heads do not divide a width of 1536"});
    for (const char* heads : {"-4", "2.5", "1e300", "4000"}) {
        expect_invalid([&] { infer(concat(R"({"num_heads": )", heads, "}")); },
                       {(folder_ / "config.json").string(), "heads", "1536"});
    }
}

TEST_F(DitConfigFile, IsNeededForOtherWidths) {
    shapes_["patch_embedding.weight"] = {96, 16, 1, 2, 2};
    expect_invalid([&] { infer("{}"); },
                   {"dit.safetensors", "the number of heads is unknown", "config.json", "num_heads"});
    expect_invalid([&] { infer_dit_config(shapes_, folder_ / "none.json", "dit.safetensors"); }, {"num_heads"});
    EXPECT_EQ(infer(R"({"num_heads": 2})").head_width(), 48);
}

TEST_F(DitConfigFile, OtherTensors) {
    const std::filesystem::path none;
    Shapes shapes = shapes_;
    shapes.erase("blocks.0.ffn.0.weight");
    expect_invalid([&] { infer_dit_config(shapes, none, "a.pth"); },
                   {"a.pth: tensor 'blocks.0.ffn.0.weight' is missing", "not a Wan diffusion transformer"});
    shapes = shapes_;
    shapes["patch_embedding.weight"] = {1536, 64};
    expect_invalid([&] { infer_dit_config(shapes, none, "a.pth"); },
                   {"a.pth", "'patch_embedding.weight' has shape [1536, 64]", "5 axes"});
    shapes = shapes_;
    shapes["time_embedding.0.weight"] = {1536, 255};
    expect_invalid([&] { infer_dit_config(shapes, none, "a.pth"); }, {"a.pth", "odd length 255"});
}

}  // namespace
}  // namespace t3video::models
