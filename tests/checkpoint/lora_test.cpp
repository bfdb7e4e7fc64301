// LoRA files against a small list of weights: what each key does, and what is said about wrong ones.
#include "checkpoint/lora/lora.h"

#include <cmath>
#include <cstring>

#include "checkpoint/gguf/quantised.h"
#include "checkpoint/lora/keys.h"
#include "gguf_writer.h"

namespace t3video::checkpoint {
namespace {

using Tensors = std::map<std::string, Tensor>;
using Floats = std::vector<float>;

Tensor f32(Shape shape, const Floats& values) {
    return tensor_of(shape, DType::f32, raw_bytes(values));
}

// Another layout calls "blocks.0.fc" "blocks.0.linear".
std::string other(const std::string& name) {
    return name.starts_with("blocks.0.fc.") ? "blocks.0.linear." + name.substr(12) : "";
}

class LoraTest : public ::testing::Test {
  protected:
    TensorSource model() {
        save_safetensors(dir_ / "model.safetensors", {{"blocks.0.fc.weight", f32({2, 3}, {1, 2, 3, 4, 5, 6})},
                                                      {"blocks.0.fc.bias", f32({2}, {10, 20})},
                                                      {"blocks.0.plain.weight", f32({2, 3}, Floats(6))},
                                                      {"blocks.0.counter.weight", number_},
                                                      {"blocks.0.modulation", f32({1, 2, 1}, {7, 8})}});
        return open_tensors(dir_ / "model.safetensors");
    }
    std::filesystem::path lora(const Tensors& tensors, const std::map<std::string, std::string>& metadata = {}) {
        save_safetensors(dir_ / "lora.safetensors", tensors, metadata);
        return dir_ / "lora.safetensors";
    }
    Floats after(const Tensors& tensors, const std::string& name = "blocks.0.fc.weight", double weight = 1,
                 const std::map<std::string, std::string>& metadata = {}) {
        TensorSource source = model();
        apply_lora(source, {lora(tensors, metadata), weight}, other);
        const Tensor x = decoded(source.tensors.at(name).tensor);
        return {x.span<float>().begin(), x.span<float>().end()};
    }
    void refused(const Tensors& tensors, const std::string& reason,
                 const std::map<std::string, std::string>& metadata = {}) {
        try {
            after(tensors, "blocks.0.fc.weight", 1, metadata);
            ADD_FAILURE() << "applied, expected: " << reason;
        } catch (const InvalidRequest& error) {
            const std::string message = error.what();
            EXPECT_TRUE(message.starts_with((dir_ / "lora.safetensors").string() + ": ")) << message;
            EXPECT_NE(message.find(reason), std::string::npos) << message << "\nexpected: " << reason;
            EXPECT_EQ(message.find('\n'), std::string::npos);
        }
    }

    TempDir dir_;
    // up * down = [1, 0, 2; 3, 0, 6] for rank 1; of rank 2 the same with another row.
    const Tensor down_ = f32({1, 3}, {1, 0, 2}), up_ = f32({2, 1}, {1, 3});
    const Tensor number_ = tensor_of({1}, DType::i64, std::string(8, '\0'));
    const Floats expected_{2, 2, 5, 7, 5, 12};
};

TEST_F(LoraTest, UnderstandsEveryStyle) {
    const std::pair<const char*, const char*> kStyles[] = {
        {"blocks.0.fc.lora_A.default.weight", "blocks.0.fc.lora_B.default.weight"},
        {"diffusion_model.blocks.0.fc.lora_A.weight", "diffusion_model.blocks.0.fc.lora_B.weight"},
        {"diffusion_model.blocks.0.fc.lora_down.weight", "diffusion_model.blocks.0.fc.lora_up.weight"},
        {"model.diffusion_model.blocks.0.fc.lora_A.weight", "model.diffusion_model.blocks.0.fc.lora_B.weight"},
        {"transformer.blocks.0.linear.lora_A.weight", "transformer.blocks.0.linear.lora_B.weight"},
        {"lora_unet_blocks_0_fc.lora_down.weight", "lora_unet_blocks_0_fc.lora_up.weight"},
        {"lora_unet__blocks_0_fc.lora_down.weight", "lora_unet__blocks_0_fc.lora_up.weight"},
        {"base_model.model.blocks.0.fc.lora_A.weight", "base_model.model.blocks.0.fc.lora_B.weight"},
        {"base_model.model.diffusion_model.blocks.0.fc.lora_A.weight",
         "base_model.model.diffusion_model.blocks.0.fc.lora_B.weight"},
    };
    for (const auto& [down, up] : kStyles) EXPECT_EQ(after({{down, down_}, {up, up_}}), expected_) << down;
}

TEST_F(LoraTest, AlphaAndWeightScale) {
    const Tensors matrices{{"blocks.0.fc.lora_A.weight", f32({2, 3}, {1, 0, 2, 9, 9, 9})},
                           {"blocks.0.fc.lora_B.weight", f32({2, 2}, {1, 0, 3, 0})}};
    EXPECT_EQ(after(matrices), expected_);
    EXPECT_EQ(after(matrices, "blocks.0.fc.weight", -2), (Floats{-1, 2, -1, -2, 5, -6}));
    for (const Shape& shape : {Shape{}, Shape{1}}) {
        Tensors with_alpha = matrices;
        with_alpha["blocks.0.fc.alpha"] = f32(shape, {4});  // 4 / rank 2
        EXPECT_EQ(after(with_alpha), (Floats{3, 2, 7, 10, 5, 18}));
        EXPECT_EQ(after(with_alpha, "blocks.0.fc.weight", 0.5), expected_);
    }
}

TEST_F(LoraTest, AlphaFromMetadata) {
    const Tensors matrices{{"transformer.blocks.0.fc.lora_A.weight", down_},
                           {"transformer.blocks.0.fc.lora_B.weight", up_}};
    const auto with = [&](const std::string& text) {
        return after(matrices, "blocks.0.fc.weight", 1, {{"lora_adapter_metadata", text}});
    };
    EXPECT_EQ(with(R"({"transformer.r": 1, "transformer.lora_alpha": 2})"), (Floats{3, 2, 7, 10, 5, 18}));
    EXPECT_EQ(with(R"({"r": 1, "lora_alpha": 2.0})"), (Floats{3, 2, 7, 10, 5, 18}));
    EXPECT_EQ(with(R"({"r": 8, "lora_alpha": 2, "rank_pattern": {"blocks.0.fc": 1}})"), (Floats{3, 2, 7, 10, 5, 18}));
    EXPECT_EQ(with("{}"), expected_);
    EXPECT_EQ(with(R"({"lora_alpha": 9, "alpha_pattern": {"fc": 2, "blocks.0.fc": 5}})"), (Floats{3, 2, 7, 10, 5, 18}));
    EXPECT_EQ(with(R"({"alpha_pattern": {"c": 7, "^fc": 7, "blocks\\.\\d": 7, "block.*f.": 2}})"),
              (Floats{3, 2, 7, 10, 5, 18}));
    refused(matrices, "'blocks.(0' is no pattern",
            {{"lora_adapter_metadata", R"({"alpha_pattern": {"blocks.(0": 3}})"}});
    refused(matrices, "'fc' is not a number", {{"lora_adapter_metadata", R"({"alpha_pattern": {"fc": "3"}})"}});
    refused(matrices, "invalid JSON", {{"lora_adapter_metadata", "{"}});
    EXPECT_EQ(with(R"({"dit.lora_alpha": 2})"), (Floats{3, 2, 7, 10, 5, 18}));
    EXPECT_EQ(with(R"({"transformer": {"lora_alpha": 2, "r": 1}})"), (Floats{3, 2, 7, 10, 5, 18}));
    EXPECT_EQ(with(R"({"lora_alpha": 0})"), (Floats{1, 2, 3, 4, 5, 6}));
    refused(matrices, "began as 'pissa_niter_4'",
            {{"lora_adapter_metadata", R"({"init_lora_weights": "pissa_niter_4"})"}});
    refused(matrices, "it has no magnitudes", {{"lora_adapter_metadata", R"({"use_dora": true})"}});
    refused(matrices, "is no pattern", {{"lora_adapter_metadata", R"({"alpha_pattern": {"fc\\Z": 3}})"}});
}

// PEFT scales a LoKr of whole factors by its settings; LyCORIS, whose files have an alpha, does not.
TEST_F(LoraTest, WholeFactorsOfLokr) {
    const Tensors factors{{"blocks.0.fc.lokr_w1", f32({1, 1}, {1})},
                          {"blocks.0.fc.lokr_w2", f32({2, 3}, Floats(6, 1.0f))}};
    const auto with = [&](const std::string& text) {
        return after(factors, "blocks.0.fc.weight", 1, {{"lora_adapter_metadata", text}});
    };
    EXPECT_EQ(after(factors), (Floats{2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(with(R"({"alpha": 4, "r": 2})"), (Floats{3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(with(R"({"alpha": 4, "r": 2, "rank_pattern": {"fc": 4}})"), (Floats{2, 3, 4, 5, 6, 7}));
    Tensors with_alpha = factors;
    with_alpha["blocks.0.fc.alpha"] = f32({}, {9});
    EXPECT_EQ(after(with_alpha), (Floats{2, 3, 4, 5, 6, 7}));
}

TEST_F(LoraTest, AlphaFromTheConfigOfARawModel) {
    write_file(dir_ / "adapter_config.json", R"({"r": 1, "lora_alpha": 2})");
    EXPECT_EQ(after({{"base_model.model.blocks.0.fc.lora_A.weight", down_},
                     {"base_model.model.blocks.0.fc.lora_B.weight", up_}}),
              (Floats{3, 2, 7, 10, 5, 18}));
    EXPECT_EQ(after({{"blocks.0.fc.lora_A.weight", down_}, {"blocks.0.fc.lora_B.weight", up_}}), expected_);
}

TEST_F(LoraTest, DifferencesAreAdded) {
    const Tensor bias = f32({2}, {1, 2});
    EXPECT_EQ(after({{"blocks.0.fc.diff_b", bias}}, "blocks.0.fc.bias", 0.5), (Floats{10.5f, 21}));
    for (const Shape& shape : {Shape{1, 2, 1}, Shape{2, 1}})
        EXPECT_EQ(after({{"diffusion_model.blocks.0.diff_m", f32(shape, {1, -1})}}, "blocks.0.modulation"),
                  (Floats{8, 7}));
    EXPECT_EQ(after({{"lora_unet_blocks_0_fc.diff", f32({2, 3}, {1, 1, 1, 1, 1, 1})}}), (Floats{2, 3, 4, 5, 6, 7}));
    const Tensors both{{"blocks.0.fc.lora_down.weight", down_},
                       {"blocks.0.fc.lora_up.weight", up_},
                       {"blocks.0.fc.diff", f32({2, 3}, {1, 1, 1, 1, 1, 1})},
                       {"blocks.0.fc.alpha", f32({}, {3})}};
    EXPECT_EQ(after(both), (Floats{5, 3, 10, 14, 6, 25}));  // alpha concerns the matrices only
    EXPECT_EQ(after({{"blocks.0.fc.lora_A.weight", down_},
                     {"blocks.0.fc.lora_B.weight", up_},
                     {"blocks.0.fc.lora_B.bias", bias}},
                    "blocks.0.fc.bias", 2),
              (Floats{12, 24}));
}

// A GGUF file's difference in blocks of Q8_0 (type 8), onto plain and onto quantised weights.
TEST_F(LoraTest, QuantisedDifferencesAreAdded) {
    const std::string ones = raw_bytes(f16(1)) + std::string(32, '\1'),
                      twos = raw_bytes(f16(1)) + std::string(32, '\2');
    const GgufFile file{.tensors = {{"w.diff", {32, 2}, 8, ones + twos}}};
    const Lora lora{write_file(dir_ / "lora.gguf", file.bytes()), 0.5};
    auto blocks = std::make_shared<std::string>(twos + ones);
    const Stored quantised =
        quantised_tensor(kQ8_0, {2, 32}, std::as_bytes(std::span(blocks->data(), blocks->size())), blocks);
    for (const Stored& base : {Stored(f32({2, 32}, Floats(64, 10.0f))), quantised}) {
        TensorSource source{.tensors = {{"w.weight", {base, "model"}}}, .path = "model"};
        const Tensor before = decoded(base);
        apply_lora(source, lora, other);
        const Tensor after = decoded(source.tensors.at("w.weight").tensor);
        for (size_t i = 0; i < 64; ++i)
            EXPECT_EQ(after.span<float>()[i], before.span<float>()[i] + (i < 32 ? 0.5f : 1.0f)) << i;
    }
}

TEST_F(LoraTest, SeveralAddUp) {
    TensorSource source = model();
    const auto once = apply_lora(
        source, {lora({{"blocks.0.fc.lora_A.weight", down_}, {"blocks.0.fc.lora_B.weight", up_}}), 2}, other);
    EXPECT_EQ(once.modules, 1);
    EXPECT_EQ(once.most_rank, 1);
    apply_lora(source, {lora({{"blocks.0.fc.diff", f32({2, 3}, {1, 1, 1, 1, 1, 1})}}), -1}, other);
    const Tensor x = decoded(source.tensors.at("blocks.0.fc.weight").tensor);
    EXPECT_EQ(Floats(x.span<float>().begin(), x.span<float>().end()), (Floats{2, 1, 6, 9, 4, 17}));
    EXPECT_EQ(source.tensors.at("blocks.0.fc.weight").tensor.type_name(), "f32+lora");
}

// Against a plain product, for ranks and widths that the loops' steps do not divide, in parts of whole rows.
TEST_F(LoraTest, ProductsOfAllSizes) {
    for (const int64_t rank : {1, 3, 4, 9}) {
        for (const auto& [rows, width] : {std::pair{1, 1}, {2, 5}, {7, 1030}, {3, 2048}}) {
            const auto value = [](int64_t i) { return static_cast<float>(std::sin(double(i))); };
            const auto filled = [&](Shape shape, int64_t seed) {
                Floats values;
                for (int64_t i = 0; i < shape.numel(); ++i) values.push_back(value(i + seed));
                return f32(shape, values);
            };
            TensorSource source{.tensors = {{"w.weight", {filled({rows, width}, 1), "model"}}}, .path = "model"};
            const Tensor base = source.at("w.weight"), down = filled({rank, width}, 50), up = filled({rows, rank}, 99);
            apply_lora(source, {lora({{"w.lora_A.weight", down}, {"w.lora_B.weight", up}}), 1}, other);
            const Encoding& encoding = *source.tensors.at("w.weight").tensor.encoding();
            ASSERT_EQ(encoding.group(), width);
            Floats sums(static_cast<size_t>(rows * width));
            const int64_t cut = rows / 2;
            encoding.decode(0, cut * width, sums.data());
            encoding.decode(cut * width, (rows - cut) * width, sums.data() + cut * width);
            for (int64_t i = 0; i < rows; ++i) {
                for (int64_t j = 0; j < width; ++j) {
                    double sum = base.span<float>()[static_cast<size_t>(i * width + j)];
                    for (int64_t k = 0; k < rank; ++k)
                        sum += double(value(i * rank + k + 99)) * double(value(k * width + j + 50));
                    ASSERT_NEAR(sums[static_cast<size_t>(i * width + j)], sum, 1e-5)
                        << rows << "x" << width << ", rank " << rank << " at " << i << ", " << j;
                }
            }
        }
    }
}

TEST_F(LoraTest, OnQuantisedWeights) {
    std::string block = raw_bytes(f16(1)) + std::string(32, '\2');
    auto bytes = std::make_shared<std::vector<std::byte>>(68);
    std::memcpy(bytes->data(), (block + block).data(), 68);
    TensorSource source{.tensors = {{"w.weight", {quantised_tensor(kQ8_0, {2, 32}, *bytes, bytes), "model"}}},
                        .path = "model"};
    apply_lora(
        source,
        {lora({{"w.lora_A.weight", f32({1, 32}, Floats(32, 0.5f))}, {"w.lora_B.weight", f32({2, 1}, {1, 2})}}), 1},
        other);
    const Tensor x = decoded(source.tensors.at("w.weight").tensor);
    EXPECT_EQ(x.span<float>()[31], 2.5f);
    EXPECT_EQ(x.span<float>()[32], 3.0f);
    EXPECT_EQ(source.tensors.at("w.weight").tensor.type_name(), "q8_0+lora");
}

TEST_F(LoraTest, RefusesWhatMatchesNothing) {
    refused({{"blocks.7.fc.lora_A.weight", down_}, {"blocks.7.fc.lora_B.weight", up_}},
            "'blocks.7.fc.lora_B.weight' matches no weight of");
    refused({{"lora_unet_blocks_0_fd.lora_down.weight", down_}, {"lora_unet_blocks_0_fd.lora_up.weight", up_}},
            "'lora_unet_blocks_0_fd.lora_up.weight' matches no weight");
    refused({{"lora_te_layer.lora_down.weight", down_}, {"lora_te_layer.lora_up.weight", up_}},
            "'lora_te_layer.lora_up");
    refused({{"blocks.0.modulation.diff_b", up_}}, "'blocks.0.modulation.diff_b' matches no weight");
    refused({{"blocks.0.plain.lora_A.weight", down_},  // a weight without bias
             {"blocks.0.plain.lora_B.weight", up_},
             {"blocks.0.plain.diff_b", f32({2}, {1, 2})}},
            "'blocks.0.plain.diff_b' matches no weight");
    refused({{"blocks.0.counter.diff", f32({1}, {1})}}, "which holds i64");
    refused({{"blocks.0.fc.weight", up_}}, "'blocks.0.fc.weight' is no key of a LoRA file");
    refused(
        {{"lora_unet_blocks_0_fc.oft_blocks", up_}},
        "'lora_unet_blocks_0_fc.oft_blocks' is no key of a LoRA file that is read; it looks like OFT in kohya's names");
    refused({{"blocks.0.fc.hada_w1_a", up_}}, "'blocks.0.fc' has one of two factors");
    refused({}, "holds no tensors");
}

// Blocks of other networks have the same names behind a prefix of theirs.
TEST_F(LoraTest, TellsOtherNetworksApart) {
    for (const std::string module :
         {"lora_unet_vace_blocks_0_fc", "vace.blocks.0.fc", "transformer_blocks.0.linear",
          "lora_unet_double_blocks_0_fc", "transformer_2.blocks.0.fc", "controlnet.blocks.0.fc",
          "lora_unet_ref_blocks_0_fc", "layers.3.blocks.0.fc", "refiner_blocks.0.fc"})
        refused({{module + ".lora_A.weight", down_}, {module + ".lora_B.weight", up_}}, "matches no weight of");
    refused({{"vace_blocks.0.fc.lora_A.weight", down_}, {"vace_blocks.0.fc.lora_B.weight", up_}},
            "; it looks like names of Wan VACE");
    refused({{"net.blocks.0.fc.lora_A.weight", down_},
             {"net.blocks.0.fc.lora_B.weight", up_},
             {"blocks.0.modulation.diff", f32({1, 2, 1}, {1, 2})}},
            "expected the same one in front of all names");
    refused({{"blocks.0.fc.lora_A.weight", down_},
             {"blocks.0.fc.lora_B.weight", up_},
             {"lora_unet_blocks_0_fc.lora_down.weight", down_},
             {"lora_unet_blocks_0_fc.lora_up.weight", up_}},
            "changes under another name as well");
}

TEST_F(LoraTest, LeavesOutWhatTheModelLacks) {
    const Tensors tensors{{"blocks.0.fc.lora_A.weight", down_},    {"blocks.0.fc.lora_B.weight", up_},
                          {"blocks.0.k_img.lora_A.weight", down_}, {"blocks.0.k_img.lora_B.weight", up_},
                          {"blocks.0.k_img.alpha", f32({}, {1})},  {"img_emb.proj.1.diff_b", f32({2}, {1, 2})}};
    refused(tensors, "it looks like names of Wan image-to-video");
    TensorSource source = model();
    Notes notes;
    const auto summary = apply_lora(source, {lora(tensors), 1, true}, other, &notes);
    const Tensor x = decoded(source.tensors.at("blocks.0.fc.weight").tensor);
    EXPECT_EQ(Floats(x.span<float>().begin(), x.span<float>().end()), expected_);
    EXPECT_EQ(summary.left_out, (std::vector<std::string>{"blocks.0.k_img", "img_emb.proj.1"}));
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_NE(notes[0].find("2 of 3 modules are left out"), std::string::npos) << notes[0];
    EXPECT_NE(notes[0].find("'blocks.0.k_img'"), std::string::npos) << notes[0];
    // What is there but does not fit is refused all the same, and so is a file of which nothing fits.
    source = model();
    EXPECT_THROW(apply_lora(source, {lora({{"blocks.0.fc.diff", f32({3}, {1, 2, 3})}}), 1, true}, other),
                 InvalidRequest);
    EXPECT_THROW(apply_lora(source, {lora({{"blocks.9.fc.diff", f32({3}, {1, 2, 3})}}), 1, true}, other),
                 InvalidRequest);
}

TEST_F(LoraTest, RefusesDamagedMagnitudes) {
    const auto with = [&](const Tensor& magnitude, const std::string& reason) {
        refused({{"blocks.0.fc.lora_A.weight", down_},
                 {"blocks.0.fc.lora_B.weight", up_},
                 {"blocks.0.fc.dora_scale", magnitude}},
                "'blocks.0.fc.dora_scale' " + reason);
    };
    with(f32({3, 1}, {1, 2, 3}),
         "has shape [3, 1], expected magnitudes of the 2 rows of a weight of [2, 3], or [1, 3]");
    with(f32({1, 2}, {1, 2}), "has shape [1, 2]");
    with(f32({3}, {1, 2, 3}), "has shape [3]");
    with(f32({2}, {1, NAN}), "holds a magnitude that is not finite");
    refused({{"blocks.0.fc.dora_scale", f32({2}, {1, 2})}}, "'blocks.0.fc.dora_scale' belongs to no matrices");
    refused({{"blocks.0.fc.lokr_w1", f32({2, 1}, {1, 2})}, {"blocks.0.fc.lokr_w2", f32({2, 3}, Floats(6))}},
            "make an update of [4, 3], the weight is [2, 3]");
    refused({{"blocks.0.fc.lokr_w1", f32({2, 1}, {1, 2})},
             {"blocks.0.fc.lokr_w2_a", f32({1, 2}, {1, 2})},
             {"blocks.0.fc.lokr_w2_b", f32({3, 3}, Floats(9))}},
            "'blocks.0.fc' has a down matrix [3, 3] and an up matrix [1, 2]");
    refused({{"blocks.0.fc.lokr_w1", f32({2, 1}, {1, 2})}, {"blocks.0.fc.lokr_w1_a", f32({1, 2}, {1, 2})}},
            "has one of two factors");
}

TEST_F(LoraTest, RefusesWhatDoesNotFit) {
    refused({{"blocks.0.fc.lora_A.weight", down_}},
            "'blocks.0.fc' has 'blocks.0.fc.lora_A.weight' but not its partner, the up matrix");
    refused({{"blocks.0.fc.lora_B.weight", up_}},
            "'blocks.0.fc' has 'blocks.0.fc.lora_B.weight' but not its partner, the down matrix");
    refused({{"blocks.0.fc.alpha", f32({}, {1})}}, "'blocks.0.fc.alpha' belongs to no matrices");
    refused({{"blocks.0.fc.lora_A.weight", f32({1, 2}, {1, 2})}, {"blocks.0.fc.lora_B.weight", up_}},
            "'blocks.0.fc.lora_B.weight' make an update of [2, 2], the weight is [2, 3]");
    refused({{"blocks.0.fc.lora_A.weight", f32({2, 3}, Floats(6))}, {"blocks.0.fc.lora_B.weight", up_}},
            "a down matrix [2, 3] and an up matrix [2, 1], expected [rank, in] and [out, rank]");
    refused({{"blocks.0.fc.lora_A.weight", f32({0, 3}, {})}, {"blocks.0.fc.lora_B.weight", f32({2, 0}, {})}},
            "expected a matrix: [out, rank] and [rank, in], none of them 0");
    refused({{"blocks.0.fc.diff_b", f32({3}, {1, 2, 3})}}, "has shape [3], the weight [2]");
    refused({{"blocks.0.fc.diff", f32({3, 2}, Floats(6))}}, "has shape [3, 2], the weight [2, 3]");
    refused({{"blocks.0.fc.lora_A.weight", tensor_of({1, 3}, DType::i32, std::string(12, '\0'))},
             {"blocks.0.fc.lora_B.weight", up_}},
            "'blocks.0.fc.lora_A.weight' holds i32");
    refused({{"blocks.0.fc.lora_A.weight", down_},
             {"blocks.0.fc.lora_B.weight", up_},
             {"diffusion_model.blocks.0.fc.lora_A.weight", down_}},
            "is there twice");
    refused({{"blocks.0.fc.lora_A.weight", down_},
             {"blocks.0.fc.lora_B.weight", up_},
             {"blocks.0.fc.alpha", f32({2}, {1, 1})}},
            "the alpha of 'blocks.0.fc' has shape [2], expected one number");
}

}  // namespace
}  // namespace t3video::checkpoint
