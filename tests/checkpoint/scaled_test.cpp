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
        EXPECT_EQ(weight.bytes(), 6u);
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

TEST_F(Scales, RefusesOnesThatDoNotFit) {
    refused({{"m.weight", eights({2, 3})}, {"m.scale_weight", numbers({3}, {1, 1, 1})}},
            "tensor 'm.scale_weight' has shape [3], expected one scale or 2, for the rows of a weight of [2, 3]");
    refused({{"m.weight", eights({2, 3})}, {"m.scale_weight", numbers({}, {INFINITY})}},
            "tensor 'm.scale_weight' holds a scale that is not finite");
    refused({{"m.weight", eights({2, 3})}, {"m.scale_weight", tensor_of({}, DType::i32, raw_bytes(1))}},
            "tensor 'm.scale_weight' holds i32, expected a float scale");
}

}  // namespace
}  // namespace t3video::checkpoint
