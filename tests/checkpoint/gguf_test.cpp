// GGUF files: what is read from right ones, and what is said about wrong ones.
#include "checkpoint/gguf/gguf.h"

#include "gguf_writer.h"

namespace t3video::checkpoint {
namespace {

constexpr uint32_t kF32 = 0, kF16 = 1, kQ8_0 = 8, kIQ2_XXS = 16, kBF16 = 30;

std::string floats(size_t count) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i) / 8;
    return raw_bytes(values);
}

class Gguf : public ::testing::Test {
  protected:
    TensorSource open(const GgufFile& file) { return open_tensors(write_file(dir_ / "model.gguf", file.bytes())); }
    void refused(const std::string& bytes, const std::string& reason) {
        expect_refused(write_file(dir_ / "broken.gguf", bytes), reason);
    }
    TempDir dir_;
};

TEST_F(Gguf, ReadsPlainTensorsWithTheInnermostExtentFirst) {
    for (const uint32_t version : {2u, 3u}) {
        GgufFile file{.version = version};
        file.entries = {gguf_entry("general.architecture", "wan"), gguf_entry("general.file_type", 7),
                        gguf_entry("list", std::vector<int32_t>{1, 2, 3})};
        file.tensors = {
            {"a", {3, 2}, kF32, floats(6)}, {"b", {4}, kF16, std::string(8, '\1')}, {"c", {1}, kBF16, "ab"}};
        const TensorSource source = open(file);
        EXPECT_EQ(source.metadata.at("general.architecture"), "wan");
        ASSERT_EQ(source.tensors.size(), 3u);
        EXPECT_EQ(source.at("a").shape(), Shape({2, 3}));
        EXPECT_EQ(source.at("a").dtype(), DType::f32);
        EXPECT_EQ(raw_bytes(source.at("a")), floats(6));
        EXPECT_EQ(source.at("b").dtype(), DType::f16);
        EXPECT_EQ(source.at("c").dtype(), DType::bf16);
        EXPECT_EQ(raw_bytes(source.at("c")), "ab");
    }
}

TEST_F(Gguf, FollowsAlignmentAndOriginalShapes) {
    GgufFile file{.alignment = 128};
    file.entries = {gguf_entry("general.alignment", 128),
                    gguf_entry("comfy.gguf.orig_shape.patch", std::vector<int32_t>{2, 3, 1, 2, 2})};
    file.tensors = {{"a", {5}, kF32, floats(5)}, {"patch", {24}, kF32, floats(24)}};
    const TensorSource source = open(file);
    EXPECT_EQ(source.at("patch").shape(), Shape({2, 3, 1, 2, 2}));
    EXPECT_EQ(raw_bytes(source.at("patch")), floats(24));
}

TEST_F(Gguf, KeepsBlocksEncodedUntilTheyAreUsed) {
    std::string block = raw_bytes(f16(0.5f));
    for (int i = 0; i < 32; ++i) block += static_cast<char>(i - 16);
    const TensorSource source = open({.tensors = {{"w", {32, 3}, kQ8_0, block + block + block}}});
    const Stored& w = source.tensors.at("w").tensor;
    EXPECT_NE(w.encoding(), nullptr);
    EXPECT_EQ(w.type_name(), "q8_0");
    EXPECT_EQ(w.bytes(), 3u * 34);
    EXPECT_EQ(w.shape(), Shape({3, 32}));
    const Tensor values = decoded(w);
    for (size_t i = 0; i < 96; ++i) EXPECT_EQ(values.span<float>()[i], 0.5f * (static_cast<float>(i % 32) - 16));
}

TEST_F(Gguf, RefusesTruncatedFilesAtEveryByte) {
    GgufFile file;
    file.entries = {gguf_entry("general.name", "x"), gguf_entry("numbers", std::vector<int32_t>{1, 2})};
    file.tensors = {{"a", {3}, kF32, floats(3)}};
    const std::string whole = file.bytes();
    const size_t end = whole.size() - (32 - 12);  // of the tensor; padding behind it may be missing
    for (size_t length = 4; length < end; ++length) {
        SCOPED_TRACE(length);
        refused(whole.substr(0, length), "");
    }
    EXPECT_NO_THROW(open_tensors(write_file(dir_ / "whole.gguf", whole.substr(0, end))));
}

TEST_F(Gguf, RefusesLyingCountsWithoutAllocating) {
    refused(GgufFile{.tensor_count = int64_t{1} << 60}.bytes(),
            "1152921504606846976 tensor descriptions cannot follow");
    refused(GgufFile{.entry_count = int64_t{1} << 61}.bytes(), "2305843009213693952 metadata entries cannot follow");
    const std::string list = gguf_text("list") + raw_bytes(uint32_t{9}) + raw_bytes(uint32_t{8});
    refused(GgufFile{.entries = {list + raw_bytes(~uint64_t{0})}}.bytes(), "entries of a metadata list cannot follow");
    refused(GgufFile{.entries = {raw_bytes(uint64_t{1} << 40) + std::string(32, '\0')}}.bytes(),
            "a metadata key of 1099511627776 bytes");
    const std::string text = gguf_text("k") + raw_bytes(uint32_t{8}) + raw_bytes(uint64_t{1} << 62);
    refused(GgufFile{.entries = {text}}.bytes(), "ends beyond the file");
}

TEST_F(Gguf, RefusesImpossibleTensors) {
    const auto with = [&](const GgufTensor& tensor) { return GgufFile{.tensors = {tensor}}.bytes(); };
    refused(with({"w", {uint64_t{1} << 62, 8}, kF32, ""}), "tensor 'w' is too large");
    refused(with({"w", {~uint64_t{0}}, kF32, ""}), "tensor 'w' has the negative extent -1");
    refused(with({"w", {1, 1, 1, 1, 1, 1, 1}, kF32, floats(1)}), "tensor 'w' has 7 dimensions, at most 6");
    refused(with({"w", {64}, kF32, floats(8)}), ": ends after 96 of 320 bytes: the download is not complete");
    refused(with({"w", {4}, kF32, floats(4), 1 << 20}), "tensor 'w': [4] of F32 takes 16 bytes from byte 1048576");
    refused(with({"w", {1}, kF32, floats(8), 4}), "tensor 'w': its offset 4 is not a multiple of 32");
    refused(
        with({"w", {256}, kIQ2_XXS, floats(80)}),
        "tensor 'w' has the type IQ2_XXS, which is not read; expected one of F32, F16, BF16, F64, Q4_0, Q4_1, Q5_0, "
        "Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, I8");
    for (const auto& [number, name] : {std::pair(9u, "Q8_1"),
                                       {29u, "IQ1_M"},
                                       {33u, "Q4_0_8_8"},
                                       {34u, "TQ1_0"},
                                       {38u, "IQ4_NL_8_8"},
                                       {39u, "MXFP4"},
                                       {77u, "77"}})
        refused(with({"w", {256}, number, floats(80)}),
                concat("tensor 'w' has the type ", name, ", which is not read"));
    refused(with({"w", {33}, kQ8_0, floats(80)}), "tensor 'w': rows of [33] do not hold whole blocks of 32");
    refused(with({"w\n", {1}, kF32, floats(1)}), "control characters");
    GgufFile two{.tensors = {{"a", {16}, kF32, floats(16)}, {"b", {8}, kF32, floats(8), 32}}};
    refused(two.bytes(), "tensors 'a' and 'b' overlap at byte 32");
    two.tensors[1] = {"a", {8}, kF32, floats(8)};
    refused(two.bytes(), "tensor 'a' appears twice");
}

TEST_F(Gguf, RefusesOddHeaders) {
    refused(GgufFile{.version = 1}.bytes(), "GGUF version 1, of August 2023, expected 2 or 3");
    refused(GgufFile{.version = 4}.bytes(), "GGUF version 4, expected 2 or 3");
    refused(GgufFile{.version = 3u << 24}.bytes(), "is a big-endian GGUF file");
    refused(GgufFile{.entries = {gguf_entry("general.alignment", 24)}}.bytes(), "an alignment of 24");
    refused(GgufFile{.entries = {gguf_entry("general.alignment", 0)}}.bytes(), "an alignment of 0");
    refused(GgufFile{.entries = {gguf_text("k") + raw_bytes(uint32_t{13})}}.bytes(), "unknown metadata type 13");
    refused(GgufFile{.entries = {gguf_text("split.count") + raw_bytes(uint32_t{2}) + raw_bytes(uint16_t{2})}}.bytes(),
            "one of several parts");
    GgufFile shaped{.entries = {gguf_entry("comfy.gguf.orig_shape.w", std::vector<int32_t>{3, 3})},
                    .tensors = {{"w", {8}, kF32, floats(8)}}};
    refused(shaped.bytes(), "tensor 'w': its original shape [3, 3]");
}

}  // namespace
}  // namespace t3video::checkpoint
