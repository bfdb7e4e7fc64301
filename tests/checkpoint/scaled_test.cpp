// 8-bit floats, and scales beside weights.
#include "checkpoint/scaled.h"

#include <cmath>

#include "files.h"

namespace t3video::checkpoint {
namespace {

TEST(F8E4M3, HasTheValuesOfItsFormat) {
    EXPECT_EQ(from_f8_e4m3(0x00), 0.0f);
    EXPECT_EQ(from_f8_e4m3(0x01), std::ldexp(1.0f, -9));  // the least above 0
    EXPECT_EQ(from_f8_e4m3(0x08), std::ldexp(1.0f, -6));  // the least normal one
    EXPECT_EQ(from_f8_e4m3(0x38), 1.0f);
    EXPECT_EQ(from_f8_e4m3(0x3D), 1.625f);
    EXPECT_EQ(from_f8_e4m3(0xC0), -2.0f);
    EXPECT_EQ(from_f8_e4m3(0x7E), 448.0f);  // the greatest
    EXPECT_TRUE(std::isnan(from_f8_e4m3(0x7F)));
    EXPECT_TRUE(std::isnan(from_f8_e4m3(0xFF)));
    for (int bits = 1; bits < 0x7F; ++bits)
        EXPECT_LT(from_f8_e4m3(static_cast<uint8_t>(bits - 1)), from_f8_e4m3(static_cast<uint8_t>(bits)));
}

TEST(F8E5M2, IsTheUpperByteOfAnF16) {
    EXPECT_EQ(from_f8_e5m2(0x3C), 1.0f);
    EXPECT_EQ(from_f8_e5m2(0x01), std::ldexp(1.0f, -16));  // the least above 0
    EXPECT_EQ(from_f8_e5m2(0x7B), 57344.0f);               // the greatest
    EXPECT_EQ(from_f8_e5m2(0xFC), -INFINITY);
    EXPECT_TRUE(std::isnan(from_f8_e5m2(0x7E)));
}

class Scales : public ::testing::Test {
  protected:
    TensorSource folded(const std::map<std::string, Tensor>& tensors) {
        save_safetensors(dir_ / "model.safetensors", tensors);
        return fold_scales(open_tensors(dir_ / "model.safetensors"));
    }
    void refused(const std::map<std::string, Tensor>& tensors, const std::string& reason) {
        try {
            folded(tensors);
            ADD_FAILURE() << "folded, expected: " << reason;
        } catch (const InvalidRequest& error) {
            EXPECT_EQ(error.what(), (dir_ / "model.safetensors").string() + ": " + reason);
        }
    }
    static Tensor eights(Shape shape) {
        std::string bytes;
        for (int64_t i = 0; i < shape.numel(); ++i) bytes += static_cast<char>(0x38 + 8 * (i % 3));  // 1, 2, 4, 1, ...
        return tensor_of(shape, DType::f8_e4m3, bytes);
    }
    static Tensor numbers(Shape shape, const std::vector<float>& values) {
        return tensor_of(shape, DType::f32, raw_bytes(values));
    }
    static std::vector<float> values(const Stored& x) {
        const Tensor y = decoded(x);
        return {y.span<float>().begin(), y.span<float>().end()};
    }
    TempDir dir_;
};

TEST_F(Scales, MultiplyTheirWeights) {
    for (const char* name : {"m.scale_weight", "m.weight_scale", "m.scale"}) {
        const TensorSource source = folded({{"m.weight", eights({2, 3})}, {name, numbers({}, {0.5f})}});
        ASSERT_EQ(source.tensors.size(), 1u) << name;
        const Stored& weight = source.tensors.at("m.weight").tensor;
        EXPECT_EQ(weight.type_name(), "f8_e4m3");
        EXPECT_EQ(weight.bytes(), 10u);  // with its scale
        EXPECT_EQ(values(weight), (std::vector<float>{0.5f, 1, 2, 0.5f, 1, 2}));
    }
}

TEST_F(Scales, OneForEachRow) {
    const TensorSource source = folded({{"m.weight", eights({2, 3})}, {"m.weight_scale", numbers({2, 1}, {3, 10})}});
    EXPECT_EQ(values(source.tensors.at("m.weight").tensor), (std::vector<float>{3, 6, 12, 10, 20, 40}));
    std::vector<float> part(3);
    source.tensors.at("m.weight").tensor.encoding()->decode(2, 3, part.data());  // from the middle of a row to that of
                                                                                 // the next
    EXPECT_EQ(part, (std::vector<float>{12, 10, 20}));
}

TEST_F(Scales, OfWiderTypesAndEightBitsWithoutScale) {
    const TensorSource source = folded({{"a.weight", numbers({2}, {1, 2})},
                                        {"a.scale_weight", numbers({1}, {4})},
                                        {"b.bias", eights({3})},
                                        {"c.weight", numbers({1}, {7})}});
    EXPECT_EQ(values(source.tensors.at("a.weight").tensor), (std::vector<float>{4, 8}));
    EXPECT_EQ(values(source.tensors.at("b.bias").tensor), (std::vector<float>{1, 2, 4}));
    EXPECT_EQ(source.at("c.weight").dtype(), DType::f32);
}

TEST_F(Scales, WhatIsForOtherProgramsGoes) {
    const TensorSource source = folded({{"m.weight", eights({2, 3})},
                                        {"m.scale_input", numbers({}, {1})},
                                        {"m.input_scale", numbers({}, {1})},
                                        {"m.comfy_quant", tensor_of({2}, DType::u8, "{}")},
                                        {"scaled_fp8", eights({0})}});
    EXPECT_EQ(source.tensors.size(), 1u);
}

// A weight of ones, so that its values are its scales.
Tensor ones(Shape shape, DType dtype) {
    const char one = dtype == DType::i8 ? '\1' : static_cast<char>(dtype == DType::f8_e5m2 ? 0x3C : 0x38);
    return tensor_of(shape, dtype, std::string(static_cast<size_t>(shape.numel()), one));
}

TEST_F(Scales, OneForEachPartOfARow) {
    for (const Shape& shape : {Shape{2, 2, 1}, Shape{2, 2}}) {
        const TensorSource source =
            folded({{"m.weight", ones({2, 6}, DType::f8_e5m2)}, {"m.scale_weight", numbers(shape, {1, 2, 3, 4})}});
        EXPECT_EQ(values(source.tensors.at("m.weight").tensor),
                  (std::vector<float>{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}));
    }
}

TEST_F(Scales, OneForEachTile) {
    for (const auto& [weight, scale] : {std::pair{"m.int8_weight", "m.scale"}, {"m.weight", "m.weight_scale_inv"}}) {
        const TensorSource source =
            folded({{weight, ones({130, 300}, DType::i8)}, {scale, numbers({2, 3}, {1, 2, 3, 4, 5, 6})}});
        const Stored& stored = source.tensors.at("m.weight").tensor;
        ASSERT_EQ(source.tensors.size(), 1u);
        const std::vector<float> all = values(stored);
        for (size_t i = 0; i < 130; ++i) {
            for (size_t j = 0; j < 300; ++j)
                ASSERT_EQ(all[i * 300 + j], float(1 + i / 128 * 3 + j / 128)) << i << ", " << j;
        }
        std::vector<float> part(5);
        stored.encoding()->decode(127 * 300 + 298, 5, part.data());  // over the edge of two tiles
        EXPECT_EQ(part, (std::vector<float>{3, 3, 4, 4, 4}));
    }
}

TEST_F(Scales, OfColumns) {
    const TensorSource source = folded({{"m.weight", ones({2, 3}, DType::i8)},
                                        {"m.weight_scale", numbers({2}, {1, 10})},
                                        {"m.pre_quant_scale", numbers({3}, {2, 3, 4})},
                                        {"n.weight", ones({2, 3}, DType::i8)},
                                        {"n.weight_scale", numbers({1, 3}, {5, 6, 7})}});
    EXPECT_EQ(values(source.tensors.at("m.weight").tensor), (std::vector<float>{2, 3, 4, 20, 30, 40}));
    EXPECT_EQ(values(source.tensors.at("n.weight").tensor), (std::vector<float>{5, 6, 7, 5, 6, 7}));
    EXPECT_EQ(source.tensors.size(), 2u);
}

TEST_F(Scales, IntegersHaveSigns) {
    const TensorSource source = folded({{"m.weight._data", tensor_of({1, 3}, DType::i8, "\xff\x80\x7f")},
                                        {"m.weight._scale", numbers({1, 1}, {0.5f})}});
    EXPECT_EQ(values(source.tensors.at("m.weight").tensor), (std::vector<float>{-0.5f, -64, 63.5f}));
    EXPECT_EQ(folded({{"m.weight", ones({2}, DType::i8)}}).at("m.weight").dtype(), DType::i8);  // no weight by itself
}

TEST_F(Scales, DoublesAreFloats) {
    const TensorSource source = folded({{"m.weight", tensor_of({1}, DType::f64, raw_bytes(3.25))}});
    EXPECT_EQ(values(source.tensors.at("m.weight").tensor), (std::vector<float>{3.25f}));
}

TEST_F(Scales, DescriptionsOfLayers) {
    const auto described = [&](const std::string& text) {
        return std::map<std::string, Tensor>{
            {"m.weight", eights({2, 3})},
            {"m.weight_scale", numbers({}, {2})},
            {"m.comfy_quant", tensor_of({static_cast<int64_t>(text.size())}, DType::u8, text)}};
    };
    EXPECT_EQ(folded(described(R"({"format": "float8_e4m3fn", "full_precision_matrix_mult": true})")).tensors.size(),
              1u);
    refused(described(R"({"format": "nvfp4"})"),
            "layer 'm' is stored in the format 'nvfp4'; read are float8_e4m3fn, float8_e5m2 and int8 with scales");
    refused(described(R"({"format": "int8_tensorwise", "convrot": true})"),
            "layer 'm' has the setting 'convrot', which is not followed");
}

TEST_F(Scales, DescriptionsInTheMetadata) {
    const auto with = [&](const std::string& text) {
        save_safetensors(dir_ / "model.safetensors",
                         {{"m.weight", eights({2, 3})}, {"m.weight_scale", numbers({}, {2})}},
                         {{"_quantization_metadata", text}});
        return fold_scales(open_tensors(dir_ / "model.safetensors"));
    };
    const auto of_format = [](const std::string& format) {  // of the layer under its name in the file, and another's
        return R"({"format_version": "1.0", "layers": {"model.diffusion_model.m": {"format": ")" + format +
               R"("}, "text_encoder.q": {"format": "nvfp4"}}})";
    };
    EXPECT_EQ(values(with(of_format("float8_e4m3fn")).tensors.at("m.weight").tensor)[1], 4.0f);
    EXPECT_THROW(with(of_format("mxfp8")), InvalidRequest);
    EXPECT_THROW(with("[1]"), InvalidRequest);
}

TEST_F(Scales, AreThereForAllOrNone) {
    refused({{"m.weight", eights({2, 3})}, {"m.scale_weight", numbers({}, {2})}, {"n.weight", eights({2, 3})}},
            "tensor 'n.weight' holds 8-bit floats without a scale, in a file with scales");
    refused({{"m.int8_weight", ones({2, 3}, DType::i8)}}, "tensor 'm.int8_weight' has no scale beside it");
    refused(
        {{"m.weight", eights({2, 3})}, {"m.comfy_quant", tensor_of({27}, DType::u8, R"({"format":"float8_e4m3fn"} )")}},
        "layer 'm' has no scale");
    // Vectors may have none.
    EXPECT_EQ(folded({{"m.weight", eights({2, 3})}, {"m.scale_weight", numbers({}, {2})}, {"m.bias", eights({2})}})
                  .tensors.size(),
              2u);
}

TEST_F(Scales, RefusesFourBits) {
    refused({{"m.weight", tensor_of({3}, DType::u8, "abc")},
             {"m.weight.quant_state.bitsandbytes__nf4", tensor_of({1}, DType::u8, "a")}},
            "tensor 'm.weight.quant_state.bitsandbytes__nf4' is of 4-bit numbers packed by bitsandbytes, which are not "
            "read; expected floats, 8-bit numbers with scales, or GGUF");
}

TEST_F(Scales, RefusesOnesThatDoNotFit) {
    refused({{"m.weight", eights({2, 3})}, {"m.scale_weight", numbers({3}, {1, 1, 1})}},
            "tensor 'm.scale_weight' has shape [3], expected one scale or 2, for the rows of a weight of [2, 3], "
            "or one for each of equal parts or tiles of them");
    refused({{"m.weight", eights({2, 3})}, {"m.scale_weight", numbers({}, {INFINITY})}},
            "tensor 'm.scale_weight' holds a scale that is not finite");
    refused({{"m.weight", eights({2, 3})}, {"m.scale_weight", tensor_of({}, DType::i32, raw_bytes(1))}},
            "tensor 'm.scale_weight' holds i32, expected a float scale");
}

}  // namespace
}  // namespace t3video::checkpoint
