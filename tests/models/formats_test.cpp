// Networks from files in which weights are quantised or packed as other programs do it, against the same values in f32.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../checkpoint/gguf_writer.h"
#include "checkpoint/gguf/quantised.h"
#include "checkpoint/scaled.h"
#include "models/umt5/model.h"
#include "models/wan_dit/model.h"
#include "models/wan_vae/wan_vae.h"
#include "support/tensors.h"

namespace t3video::models {
namespace {

using namespace testing;
using checkpoint::GgufFile;
using checkpoint::GgufTensor;
using checkpoint::raw_bytes;
using checkpoint::TensorSource;
using Tensors = std::map<std::string, Tensor>;

const std::filesystem::path kGolden = T3VIDEO_TEST_DATA "/golden/wan21-tiny/model";
const std::filesystem::path kDit = kGolden / "diffusion_pytorch_model.safetensors", kConfig = kGolden / "config.json";
constexpr uint32_t kF32 = 0, kBF16 = 30;

struct QuantisedType {
    const checkpoint::BlockType* type;
    uint32_t number;             // in GGUF files
    std::vector<size_t> halves;  // places of f16 numbers in a block
};

// 32 numbers with the scale that makes the largest 127.
std::string to_q8_0(const float* x) {
    float largest = 0;
    for (int i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(x[i]));
    const f16 scale(largest / 127);
    std::string block = raw_bytes(scale);
    for (int i = 0; i < 32; ++i) {
        const float step = std::max(static_cast<float>(scale), 1e-30f);
        block += static_cast<char>(static_cast<int8_t>(std::clamp(std::round(x[i] / step), -127.0f, 127.0f)));
    }
    return block;
}

std::vector<uint64_t> innermost_first(const Tensor& x) {
    std::vector<uint64_t> dims;
    for (int axis = x.rank() - 1; axis >= 0; --axis) dims.push_back(static_cast<uint64_t>(x.dim(axis)));
    return dims;
}

class Formats : public ::testing::Test {
  protected:
    Tensor forward(const WanDit& dit) {
        const Grid grid{2, 4, 6};
        const Tensor latent = randn(ctx_, {16, grid.t, 2 * grid.h, 2 * grid.w}, 3);
        const TextContext text = dit.embed_text(ctx_, randn(ctx_, {7, 64}, 4), 3);
        return dit.forward(ctx_, latent, 500, text, t3::LayoutWindows(ctx_, t3::full_attention(grid)));
    }
    template <class Model>
    static int64_t encoded(Model& model) {
        int64_t count = 0;
        model.for_each_param(
            "", [&](const std::string&, const nn::Param& param) { count += param.value.encoding() != nullptr; });
        return count;
    }
    std::filesystem::path write(const std::string& name, const Tensors& tensors) {
        checkpoint::save_safetensors(dir_ / name, tensors);
        return dir_ / name;
    }
    // The file's values, in f32, under its names.
    std::filesystem::path in_f32(const std::filesystem::path& file) {
        Tensors values;
        for (const auto& [name, stored] : checkpoint::open_tensors(file).tensors) values[name] = decoded(stored.tensor);
        return write("f32.safetensors", values);
    }

    Context ctx_;
    checkpoint::TempDir dir_;
};

// Matrices in Q8_0, the rest as stored; modulations without the leading 1, as ggml's own writer leaves them.
TEST_F(Formats, DitFromGguf) {
    GgufFile file;
    for (const auto& [name, stored] : checkpoint::open_tensors(kDit).tensors) {
        const Tensor& x = stored.tensor.numbers();
        std::vector<uint64_t> dims = innermost_first(x);
        if (x.rank() == 3) dims.pop_back();
        std::string data = raw_bytes(x);
        if (x.rank() == 2) {
            const Tensor values = decoded(x);
            data.clear();
            for (int64_t i = 0; i < x.numel(); i += 32) data += to_q8_0(values.data<float>() + i);
        }
        file.tensors.push_back({name, dims, x.rank() == 2 ? 8 : kBF16, data});
    }
    const auto path = checkpoint::write_file(dir_ / "dit.gguf", file.bytes());
    WanDit dit = WanDit::load(path, kConfig);
    EXPECT_GT(encoded(dit), 50);
    const Tensor v = forward(dit);
    EXPECT_LT(relative_error(v, forward(WanDit::load(in_f32(path), kConfig))), 1e-6);
    const double lossy = relative_error(v, forward(WanDit::load(kDit, kConfig)));
    EXPECT_GT(lossy, 0);
    EXPECT_LT(lossy, 0.02);
}

// [dim, 16, 1, 2, 2] in four axes or fewer; and what is wrong with one that is not that.
TEST_F(Formats, DitWithAFoldedPatchEmbedding) {
    const auto tensors = checkpoint::open_tensors(kDit).tensors;
    const int64_t dim = tensors.at("patch_embedding.bias").tensor.numel();
    const auto load = [&](const Shape& patch, bool bias = true) {
        GgufFile file{.entries = {checkpoint::gguf_entry("general.architecture", "pig")}};
        for (const auto& [name, stored] : tensors) {
            const bool folded = name == "patch_embedding.weight";
            if (name == "patch_embedding.bias" && !bias) continue;
            const Tensor x = folded ? stored.tensor.numbers().reshape(patch) : stored.tensor.numbers();
            file.tensors.push_back({name, innermost_first(x), kBF16, raw_bytes(x)});
        }
        return WanDit::load(checkpoint::write_file(dir_ / "dit.gguf", file.bytes()), kConfig);
    };
    const Tensor expected = forward(WanDit::load(kDit, kConfig));
    for (const Shape& patch :
         {Shape{dim * 16, 1, 2, 2}, Shape{dim, 16, 2, 2}, Shape{dim, 64}, Shape{dim * 16, 1, 1, 2, 2}})
        EXPECT_EQ(raw_bytes(forward(load(patch))), raw_bytes(expected)) << patch;
    const auto refused = [&](const Shape& patch, bool bias, const std::string& reason) {
        try {
            load(patch, bias);
            ADD_FAILURE() << "loaded, expected: " << reason;
        } catch (const InvalidRequest& error) {
            EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
        }
    };
    refused({dim * 16, 1, 2, 2}, false, "dit.gguf (architecture 'pig'): tensor 'patch_embedding.bias' is missing");
    refused({dim * 8, 2, 2, 2}, true, "tensor 'patch_embedding.weight' has shape [");
}

// Weights that a program kept in 64 bits are the same in 32.
TEST_F(Formats, DitInDoubles) {
    Tensors wide;
    for (const auto& [name, stored] : checkpoint::open_tensors(kDit).tensors) {
        const Tensor values = decoded(stored.tensor);
        std::vector<double> doubles(values.span<float>().begin(), values.span<float>().end());
        wide[name] = checkpoint::tensor_of(values.shape(), DType::f64, raw_bytes(doubles));
    }
    const auto path = write("doubles.safetensors", wide);
    EXPECT_EQ(raw_bytes(forward(WanDit::load(path, kConfig))), raw_bytes(forward(WanDit::load(in_f32(kDit), kConfig))));
}

// Also what a GPU gets: bf16 of the same values.
TEST_F(Formats, EncodedWeightsConvert) {
    std::string block;
    std::vector<float> x(32);
    for (int row = 0; row < 6; ++row) {
        for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(row) * 40 + static_cast<float>(i));
        block += to_q8_0(x.data());
    }
    const auto bytes = std::make_shared<std::string>(block);
    const Stored w = checkpoint::quantised_tensor(
        checkpoint::kQ8_0, {3, 64}, {reinterpret_cast<const std::byte*>(bytes->data()), bytes->size()}, bytes);
    const Tensor values = decoded(w);
    EXPECT_EQ(raw_bytes(ops::convert(ctx_, w, DType::f32)), raw_bytes(values));
    EXPECT_EQ(raw_bytes(ops::convert_to_device(ctx_, w, DType::bf16)),
              raw_bytes(ops::convert(ctx_, values, DType::bf16)));

    Context meta = make_meta_context(DType::bf16);
    const Tensor counted = ops::convert_to_device(meta, w, DType::bf16);
    EXPECT_EQ(counted.device(), Device::meta);
    EXPECT_EQ(meta.allocator().peak() >= 3 * 64 * 2, true);
}

class EncoderFromGguf : public Formats, public ::testing::WithParamInterface<QuantisedType> {};

// A small encoder whose rows are long enough for whole blocks, all matrices of random blocks.
TEST_P(EncoderFromGguf, EqualsItsValuesInF32) {
    const QuantisedType& kind = GetParam();
    const checkpoint::BlockType* type = kind.type;
    std::mt19937 engine(11);
    GgufFile file;
    const auto matrix = [&](const std::string& name, uint64_t in, uint64_t out) {
        std::string data;
        for (uint64_t block = 0; block < in * out / static_cast<uint64_t>(type->elements); ++block) {
            std::string bytes(type->bytes, '\0');
            for (char& byte : bytes) byte = static_cast<char>(engine());
            for (const size_t at : kind.halves) bytes.replace(at, 2, raw_bytes(f16(1e-4f)));
            data += bytes;
        }
        file.tensors.push_back({name, {in, out}, kind.number, data});
    };
    const auto vector = [&](const std::string& name, uint64_t width) {
        file.tensors.push_back({name, {width}, kF32, raw_bytes(std::vector<float>(width, 0.75f))});
    };
    matrix("token_embd.weight", 256, 40);
    vector("enc.output_norm.weight", 256);
    for (const std::string layer : {"enc.blk.0.", "enc.blk.1."}) {
        vector(layer + "attn_norm.weight", 256);
        vector(layer + "ffn_norm.weight", 256);
        for (const char* name : {"attn_q", "attn_k", "attn_v"}) matrix(layer + name + ".weight", 256, 128);
        file.tensors.push_back({layer + "attn_rel_b.weight", {4, 32}, kF32, raw_bytes(std::vector<float>(128, 0.1f))});
        for (const char* name : {"ffn_gate", "ffn_up"}) matrix(layer + name + ".weight", 256, 512);
        matrix(layer + "ffn_down.weight", 512, 256);
        // Its rows are half a block of the K types long, with which it does not stay encoded: stored as 256 columns,
        // with a note of the shape.
        matrix(layer + "attn_o.weight", 256, 128);
        file.entries.push_back(
            checkpoint::gguf_entry("comfy.gguf.orig_shape." + layer + "attn_o.weight", std::vector<int32_t>{256, 128}));
    }
    const auto path = checkpoint::write_file(dir_ / "encoder.gguf", file.bytes());
    Umt5 encoder = Umt5::load(path);
    EXPECT_EQ(encoder.config().heads, 4);
    EXPECT_EQ(encoder.config().ffn_dim, 512);
    EXPECT_EQ(encoded(encoder), type->elements == 32 ? 15 : 13);
    const std::vector<int64_t> ids{0, 39, 17, 3};
    const Tensor rows = encoder.forward(ctx_, ids);
    EXPECT_LT(relative_error(rows, Umt5::load(in_f32(path)).forward(ctx_, ids)), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Types, EncoderFromGguf,
    ::testing::Values(QuantisedType{&checkpoint::kQ8_0, 8, {0}}, QuantisedType{&checkpoint::kQ4_0, 2, {0}},
                      QuantisedType{&checkpoint::kQ5_1, 7, {0, 2}}, QuantisedType{&checkpoint::kIQ4_NL, 20, {0}},
                      QuantisedType{&checkpoint::kQ2_K, 10, {80, 82}}, QuantisedType{&checkpoint::kQ3_K, 11, {108}},
                      QuantisedType{&checkpoint::kIQ4_XS, 23, {0}}, QuantisedType{&checkpoint::kQ4_K, 12, {0, 2}},
                      QuantisedType{&checkpoint::kQ5_K, 13, {0, 2}}, QuantisedType{&checkpoint::kQ6_K, 14, {208}}),
    [](const auto& entry) { return std::string(entry.param.type->name); });

// The nearest 8-bit float.
uint8_t to_f8(float value) {
    int best = 0;
    for (int bits = 0; bits < 256; ++bits) {
        const float candidate = checkpoint::from_f8_e4m3(static_cast<uint8_t>(bits));
        if (std::fabs(candidate - value) < std::fabs(checkpoint::from_f8_e4m3(static_cast<uint8_t>(best)) - value))
            best = bits;
    }
    return static_cast<uint8_t>(best);
}

// Matrices in 8 bits with a scale each, every name with a prefix, and the mark that such files carry.
TEST_F(Formats, DitInEightBitsWithPrefix) {
    const std::string prefix = "model.diffusion_model.";
    Tensors packed, plain;
    for (const auto& [name, stored] : checkpoint::open_tensors(kDit).tensors) {
        packed[prefix + name] = plain[name] = stored.tensor.numbers();
        if (stored.tensor.rank() != 2) continue;
        const Tensor values = decoded(stored.tensor);
        float largest = 0;
        for (const float value : values.span<float>()) largest = std::max(largest, std::fabs(value));
        const float scale = largest / 448;
        std::string bits;
        Tensor same = empty(ctx_, values.shape());
        for (int64_t i = 0; i < values.numel(); ++i) {
            bits += static_cast<char>(to_f8(values.data<float>()[i] / scale));
            same.data<float>()[i] = scale * checkpoint::from_f8_e4m3(static_cast<uint8_t>(bits.back()));
        }
        plain[name] = same;
        packed[prefix + name] = checkpoint::tensor_of(values.shape(), DType::f8_e4m3, bits);
        const std::string module = prefix + name.substr(0, name.size() - 6);
        packed[module + "scale_weight"] = checkpoint::tensor_of({1}, DType::f32, raw_bytes(scale));
        packed[module + "scale_input"] = checkpoint::tensor_of({1}, DType::f32, raw_bytes(1.0f));
    }
    packed[prefix + "scaled_fp8"] = checkpoint::tensor_of({0}, DType::f8_e4m3, "");
    WanDit dit = WanDit::load(write("packed.safetensors", packed), kConfig);
    EXPECT_GT(encoded(dit), 50);
    const Tensor v = forward(dit);
    EXPECT_LT(relative_error(v, forward(WanDit::load(write("plain.safetensors", plain), kConfig))), 1e-6);
    EXPECT_LT(relative_error(v, forward(WanDit::load(kDit, kConfig))), 0.1);
}

// One file of all three networks equals the files of each.
TEST_F(Formats, NetworksInOneFile) {
    Tensors all;
    const auto add = [&](const char* file, const std::string& prefix) {
        for (const auto& [name, stored] : checkpoint::open_tensors(kGolden / file).tensors)
            all[prefix + name] = stored.tensor.numbers();
    };
    add("diffusion_pytorch_model.safetensors", "model.diffusion_model.");
    add("Wan2.1_VAE.pth", "first_stage_model.");
    add("models_t5_umt5-xxl-enc-bf16.pth", "text_encoders.umt5xxl.transformer.");
    const auto path = write("all.safetensors", all);
    const auto expect_same = [](auto one, auto other) {
        Tensors values;
        one.for_each_param(
            "", [&](const std::string& name, const nn::Param& param) { values[name] = param.value.numbers(); });
        other.for_each_param("", [&](const std::string& name, const nn::Param& param) {
            EXPECT_EQ(raw_bytes(values.at(name)), raw_bytes(param.value.numbers())) << name;
        });
    };
    expect_same(WanDit::load(path, kConfig), WanDit::load(kDit, kConfig));
    expect_same(WanVae::load(path), WanVae::load(kGolden / "Wan2.1_VAE.pth"));
    expect_same(Umt5::load(path), Umt5::load(kGolden / "models_t5_umt5-xxl-enc-bf16.pth"));
}

}  // namespace
}  // namespace t3video::models
