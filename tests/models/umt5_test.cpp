// The text encoder: names, loading, relative positions.
#include "models/umt5/model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "checkpoint/tensor_source.h"
#include "manifests.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/memory.h"
#include "support/params.h"
#include "support/tensors.h"

namespace t3video::models {
namespace {

using namespace testing;

const std::filesystem::path kWeights = T3VIDEO_TEST_DATA "/golden/wan21-tiny/model/models_t5_umt5-xxl-enc-bf16.pth";

TEST(Umt5Config, EveryTensorOfTheReleasedEncoderHasItsPlace) {
    const auto shapes = read_manifest("umt5-xxl.text-encoder.official.json");
    EXPECT_EQ(shapes.size(), 242U);
    EXPECT_EQ(total_elements(shapes), 5'680'910'336);
    const Umt5Config c = infer_umt5_config(shapes, "encoder.pth");
    EXPECT_EQ(c.vocabulary, 256'384);
    EXPECT_EQ(c.dim, 4096);
    EXPECT_EQ(c.layers, 24);
    EXPECT_EQ(c.heads, 64);
    EXPECT_EQ(c.inner_dim, 4096);
    EXPECT_EQ(c.ffn_dim, 10'240);
    EXPECT_EQ(c.buckets, 32);
    const int64_t before = memory_kb("VmRSS");
    Umt5 model(c);
    EXPECT_EQ(shapes_of(model), shapes);
    if (kMemoryIsMeasurable) {
        EXPECT_LT(memory_kb("VmRSS") - before, 8 * 1024) << "a model without values takes memory";
    }
}

TEST(Umt5Config, OtherTensors) {
    const auto real = read_manifest("umt5-xxl.text-encoder.official.json");
    auto shapes = real;
    shapes.erase("blocks.0.pos_embedding.embedding.weight");
    expect_invalid([&] { infer_umt5_config(shapes, "a.pth"); },
                   {"a.pth: tensor 'blocks.0.pos_embedding.embedding.weight' is missing", "not a UMT5 text encoder"});
    shapes = real;
    shapes["blocks.0.pos_embedding.embedding.weight"] = {16, 64};
    expect_invalid([&] { infer_umt5_config(shapes, "a.pth"); }, {"a.pth: 16 relative position buckets, expected 32"});
    shapes["blocks.0.pos_embedding.embedding.weight"] = {32, 48};
    expect_invalid([&] { infer_umt5_config(shapes, "a.pth"); },
                   {"a.pth: 48 heads do not divide an inner width of 4096"});
    shapes["token_embedding.weight"] = {256'384};
    expect_invalid([&] { infer_umt5_config(shapes, "a.pth"); },
                   {"'token_embedding.weight' has shape [256384], expected a matrix"});
}

// The Hugging Face name of an official one.
std::string hugging_face(const std::string& name, const std::string& embedding) {
    if (name == "token_embedding.weight") return embedding;
    if (name == "norm.weight") return "encoder.final_layer_norm.weight";
    const size_t dot = name.find('.', 7);
    const std::map<std::string, std::string> inner = {
        {"norm1.weight", "layer.0.layer_norm.weight"},
        {"attn.q.weight", "layer.0.SelfAttention.q.weight"},
        {"attn.k.weight", "layer.0.SelfAttention.k.weight"},
        {"attn.v.weight", "layer.0.SelfAttention.v.weight"},
        {"attn.o.weight", "layer.0.SelfAttention.o.weight"},
        {"pos_embedding.embedding.weight", "layer.0.SelfAttention.relative_attention_bias.weight"},
        {"norm2.weight", "layer.1.layer_norm.weight"},
        {"ffn.gate.0.weight", "layer.1.DenseReluDense.wi_0.weight"},
        {"ffn.fc1.weight", "layer.1.DenseReluDense.wi_1.weight"},
        {"ffn.fc2.weight", "layer.1.DenseReluDense.wo.weight"},
    };
    return "encoder.block." + name.substr(7, dot - 7) + "." + inner.at(name.substr(dot + 1));
}

TEST(Umt5Names, HuggingFace) {
    for (const auto& [name, shape] : read_manifest("umt5-xxl.text-encoder.official.json")) {
        EXPECT_EQ(official_umt5_name(hugging_face(name, "shared.weight")), name);
        EXPECT_EQ(official_umt5_name(name), "") << "official names stay";
    }
    EXPECT_EQ(official_umt5_name("encoder.embed_tokens.weight"), "token_embedding.weight");
    for (const char* name :
         {"", "encoder.block.", "encoder.block.3", "encoder.block.3.", "encoder.block.3.layer.2.layer_norm.weight",
          "decoder.block.0.layer.0.layer_norm.weight"}) {
        EXPECT_EQ(official_umt5_name(name), "") << name;
    }
}

class Umt5Test : public ::testing::Test {
  protected:
    Context ctx_;
    const std::vector<int64_t> ids_ = {17, 4, 255, 30, 1};
};

// The table of token embeddings may be stored under either of its names, or under both.
TEST_F(Umt5Test, LoadsHuggingFaceFiles) {
    const Tensor expected = Umt5::load(kWeights).forward(ctx_, ids_);
    const auto source = checkpoint::open_tensors(kWeights);
    const TemporaryFolder folder;
    const auto load = [&](const std::vector<std::string>& embedding_names) {
        std::map<std::string, Tensor> tensors;
        for (const std::string& embedding : embedding_names) {
            for (const auto& [name, stored] : source.tensors)
                tensors[hugging_face(name, embedding)] = stored.tensor.numbers();
        }
        checkpoint::save_safetensors(folder / "model.safetensors", tensors);
        return Umt5::load(folder / "model.safetensors");
    };
    for (const auto& names : std::vector<std::vector<std::string>>{
             {"shared.weight"}, {"encoder.embed_tokens.weight"}, {"shared.weight", "encoder.embed_tokens.weight"}}) {
        EXPECT_EQ(relative_error(load(names).forward(ctx_, ids_), expected), 0) << ::testing::PrintToString(names);
    }
}

TEST_F(Umt5Test, LoadsTheDiffusersFolder) {
    const Umt5 encoder = Umt5::load(T3VIDEO_TEST_DATA "/golden/diffusers-tiny/model/text_encoder/model.safetensors");
    EXPECT_EQ(encoder.config().dim, 64);
    EXPECT_EQ(encoder.forward(ctx_, ids_).shape(), (Shape{5, 64}));
}

TEST_F(Umt5Test, RefusesOtherFiles) {
    const auto vae = kWeights.parent_path() / "Wan2.1_VAE.pth";
    expect_invalid([&] { Umt5::load(vae); },
                   {vae.string(), "'token_embedding.weight' is missing", "not a UMT5 text encoder"});
}

TEST_F(Umt5Test, EveryTokenSeesTheOthers) {
    const Umt5 encoder = Umt5::load(kWeights);
    const Tensor rows = encoder.forward(ctx_, ids_);
    std::vector<int64_t> other = ids_;
    other[0] = 18;
    const Tensor changed = encoder.forward(ctx_, other);
    for (int64_t i = 0; i < 5; ++i) EXPECT_GT(relative_error(changed.slice(i, i + 1), rows.slice(i, i + 1)), 1e-5) << i;
}

TEST_F(Umt5Test, IdsMustBeInTheVocabulary) {
    const Umt5 encoder = Umt5::load(kWeights);
    const std::vector<int64_t> beyond = {encoder.config().vocabulary}, negative = {-1};
    EXPECT_THROW(encoder.forward(ctx_, beyond), Error);
    EXPECT_THROW(encoder.forward(ctx_, negative), Error);
}

// base + floor(8 + 8 ln(a/8) / ln 16), at most base + 15, in whole numbers: 8 ln(a/8) / ln 16 = log2((a/8)^2).
int64_t expected_bucket(int64_t relative) {
    const int64_t a = std::abs(relative);
    int64_t bucket = a;
    if (a >= 8) {
        bucket = 8;
        while (bucket < 15 && a * a >= 64 * (int64_t{1} << (bucket - 7))) ++bucket;
    }
    return (relative > 0 ? 16 : 0) + bucket;
}

// A layer that shows its buckets: no scores but the biases, which shut every head out of all buckets but its own, and
// values that tell the positions apart. Row i of head b is then the mean of the values at positions j in bucket b of j
// - i.
TEST_F(Umt5Test, BucketsOfRelativePositions) {
    constexpr int64_t kTokens = 601, kHeads = 32, kDim = 2 * kHeads;
    Umt5Layer layer(
        {.vocabulary = 1, .dim = kDim, .layers = 1, .heads = kHeads, .inner_dim = kDim, .ffn_dim = 1, .buckets = 32});
    layer.for_each_param("", [&](const std::string&, nn::Param& param) { param.value = zeros(ctx_, param.shape); });
    for (float& x : numbers_of(layer.norm1.weight)) x = 1;
    for (int64_t i = 0; i < kDim; ++i) {
        numbers_of(layer.v.weight)[size_t(i * kDim + i % 2)] = 1;  // every head: columns 0 and 1
        numbers_of(layer.o.weight)[size_t(i * kDim + i)] = 1;
    }
    for (int64_t bucket = 0; bucket < 32; ++bucket) {
        for (int64_t head = 0; head < kHeads; ++head) {
            numbers_of(layer.position_bias)[size_t(bucket * kHeads + head)] = bucket == head ? 0.0f : -1e4f;
        }
    }
    Tensor x = zeros(ctx_, {kTokens, kDim});  // on a circle, so that the norm is the same for all
    const auto angle = [](int64_t j) { return 0.01 * double(j); };
    for (int64_t j = 0; j < kTokens; ++j) {
        x.data<float>()[j * kDim] = static_cast<float>(std::cos(angle(j)));
        x.data<float>()[j * kDim + 1] = static_cast<float>(std::sin(angle(j)));
    }
    const double norm = 1 / std::sqrt(1.0 / kDim + 1e-6);
    const Tensor y = layer.forward(ctx_, x);
    for (const int64_t i : {int64_t{0}, int64_t{1}, int64_t{300}, kTokens - 1}) {
        for (int64_t head = 0; head < kHeads; ++head) {
            double cosine = 0, sine = 0, count = 0;
            for (int64_t j = 0; j < kTokens; ++j) {
                if (expected_bucket(j - i) != head) continue;
                cosine += std::cos(angle(j));
                sine += std::sin(angle(j));
                ++count;
            }
            if (count == 0) continue;
            const float* row = y.data<float>() + i * kDim + 2 * head;
            const float* input = x.data<float>() + i * kDim + 2 * head;
            EXPECT_NEAR(row[0] - input[0], norm * cosine / count, 1e-4) << "row " << i << " bucket " << head;
            EXPECT_NEAR(row[1] - input[1], norm * sine / count, 1e-4) << "row " << i << " bucket " << head;
        }
    }
}

}  // namespace
}  // namespace t3video::models
