// safetensors: what is written is read back, sharded or not, aligned or not.
#include <cstring>

#include "checkpoint/tensor_source.h"
#include "files.h"

namespace t3video::checkpoint {
namespace {

constexpr DType kAllTypes[] = {DType::f32, DType::f16, DType::bf16, DType::f64,     DType::i64,     DType::i32,
                               DType::i16, DType::i8,  DType::u8,   DType::boolean, DType::f8_e4m3, DType::f8_e5m2};

// Bytes 0, 1, 0, 1, ...: valid in every type, bool included.
std::string alternating(size_t bytes) {
    std::string text(bytes, '\0');
    for (size_t i = 1; i < bytes; i += 2) text[i] = '\1';
    return text;
}

TEST(Safetensors, RoundTripOfEveryType) {
    const TempDir dir;
    std::map<std::string, Tensor> tensors;
    for (const DType dtype : kAllTypes) {
        const Shape shape{3, 1, 5};
        tensors[std::string(name_of(dtype))] = tensor_of(shape, dtype, alternating(15 * size_of(dtype)));
    }
    tensors["scalar"] = tensor_of({}, DType::f32, raw_bytes(2.5f));
    tensors["nothing"] = tensor_of({4, 0}, DType::bf16, "");
    const std::map<std::string, std::string> metadata = {{"format", "pt"}, {"note", "line\nbreak \"quoted\" \xC3\xA4"}};
    save_safetensors(dir / "all.safetensors", tensors, metadata);

    const TensorSource source = open_tensors(dir / "all.safetensors");
    EXPECT_EQ(source.metadata, metadata);
    EXPECT_EQ(source.path, dir / "all.safetensors");
    ASSERT_EQ(source.tensors.size(), tensors.size());
    for (const auto& [name, written] : tensors) {
        const Tensor& read = source.at(name);
        EXPECT_EQ(read.shape(), written.shape()) << name;
        EXPECT_EQ(read.dtype(), written.dtype()) << name;
        EXPECT_EQ(raw_bytes(read), raw_bytes(written)) << name;
        EXPECT_EQ(source.tensors.at(name).file, dir / "all.safetensors");
        EXPECT_EQ(reinterpret_cast<uintptr_t>(read.raw()) % size_of(read.dtype()), 0u) << name;
    }
}

TEST(Safetensors, MetadataMayBeNull) {
    const TempDir dir;
    const auto path = write_file(
        dir / "a.safetensors",
        safetensors_file(R"({"__metadata__":null,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x"));
    const TensorSource source = open_tensors(path);
    EXPECT_TRUE(source.metadata.empty());
    EXPECT_EQ(raw_bytes(source.at("a")), "x");
}

// They do no harm unless they are asked for.
TEST(Safetensors, TypesThatAreNotReadAreOnlyNamed) {
    const TempDir dir;
    const auto path =
        write_file(dir / "a.safetensors", safetensors_file(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]},)"
                                                           R"("b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]},)"
                                                           R"("c":{"dtype":"C64","shape":[],"data_offsets":[4,12]}})",
                                                           "123456789012"));
    const TensorSource source = open_tensors(path);
    EXPECT_EQ(raw_bytes(source.at("b")), "34");
    for (const auto& [name, type] : {std::pair("a", "F4"), {"c", "C64"}}) {
        const Stored& x = source.tensors.at(name).tensor;
        EXPECT_EQ(x.type_name(), type);
        EXPECT_FALSE(x.is_float());
        try {
            decoded(x);
            ADD_FAILURE() << "decoded";
        } catch (const InvalidRequest& error) {
            EXPECT_EQ(error.what(), concat(path.string(), ": tensor '", name, "' holds ", type, ", which is not read"));
        }
    }
}

TEST(Safetensors, DataBeginsAtAMultipleOfEightAndHasNoGaps) {
    const TempDir dir;
    save_safetensors(dir / "a.safetensors", {{"a", tensor_of({3}, DType::u8, "abc")},
                                             {"b", tensor_of({1}, DType::f64, raw_bytes(1.5))},
                                             {"c", tensor_of({1}, DType::bf16, "xy")}});
    const std::string file = read_file(dir / "a.safetensors");
    uint64_t header = 0;
    std::memcpy(&header, file.data(), 8);
    EXPECT_EQ(header % 8, 0u);
    EXPECT_EQ(file.substr(8 + header), raw_bytes(1.5) + "xy" + "abc");  // widest first
}

TEST(Safetensors, SavingReplacesAFileThatIsInUse) {
    const TempDir dir;
    const auto path = dir / "a.safetensors";
    save_safetensors(path, {{"a", tensor_of({1}, DType::f32, raw_bytes(1.0f))}});
    const TensorSource before = open_tensors(path);
    save_safetensors(path, {{"a", tensor_of({1}, DType::f32, raw_bytes(2.0f))}});
    EXPECT_EQ(before.at("a").data<float>()[0], 1.0f);
    EXPECT_EQ(open_tensors(path).at("a").data<float>()[0], 2.0f);
    const auto files = std::filesystem::directory_iterator(dir.path());
    EXPECT_EQ(std::distance(begin(files), end(files)), 1) << "a temporary file was left";
}

TEST(Safetensors, SavingWhereNoFolderIsNamesThePath) {
    const TempDir dir;
    try {
        save_safetensors(dir / "absent/a.safetensors", {});
        FAIL() << "saved into a folder that does not exist";
    } catch (const InvalidRequest& error) {
        EXPECT_NE(std::string(error.what()).find("absent/a.safetensors"), std::string::npos) << error.what();
    }
}

TEST(Safetensors, SavingRejectsTextThatIsNotUtf8) {
    const TempDir dir;
    EXPECT_THROW(save_safetensors(dir / "a.safetensors", {}, {{"prompt", "\xFF"}}), InvalidRequest);
    EXPECT_FALSE(std::filesystem::exists(dir / "a.safetensors"));
}

TEST(Safetensors, UnalignedTensorsAreCopied) {
    const TempDir dir;
    const std::string header =
        R"({"u":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
    const auto path =
        write_file(dir / "a.safetensors", safetensors_file(header, "u" + raw_bytes(std::vector<float>{1.5f, -2.0f})));
    const TensorSource source = open_tensors(path);
    const float* const x = source.at("x").data<float>();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(x) % alignof(float), 0u);
    EXPECT_EQ(x[0], 1.5f);
    EXPECT_EQ(x[1], -2.0f);
}

TEST(Safetensors, TensorsOutliveTheSourceAndCannotBeWritten) {
    const TempDir dir;
    save_safetensors(dir / "a.safetensors", {{"a", tensor_of({1}, DType::f32, raw_bytes(7.0f))}});
    Tensor a = open_tensors(dir / "a.safetensors").at("a");
    EXPECT_EQ(std::as_const(a).data<float>()[0], 7.0f);
    EXPECT_THROW(a.data<float>(), Error);
}

TEST(Safetensors, GoldenFile) {
    const TensorSource source =
        open_tensors(T3VIDEO_TEST_DATA "/golden/wan21-tiny/model/diffusion_pytorch_model.safetensors");
    EXPECT_EQ(source.tensors.size(), 150u);
    const TensorSource text = open_tensors(T3VIDEO_TEST_DATA "/golden/wan21-tiny/cases/text_encoder.safetensors");
    EXPECT_EQ(text.metadata.count("note"), 1u);
    EXPECT_EQ(text.at("ids").dtype(), DType::i64);
    EXPECT_EQ(text.at("ids").shape(), Shape({1, 512}));
}

class ShardedSafetensors : public ::testing::Test {
  protected:
    ShardedSafetensors() {
        save_safetensors(dir_ / "one.safetensors", {{"a", tensor_of({1}, DType::f32, raw_bytes(1.0f))},
                                                    {"b", tensor_of({1}, DType::f32, raw_bytes(2.0f))}});
        save_safetensors(dir_ / "two.safetensors", {{"c", tensor_of({1}, DType::f32, raw_bytes(3.0f))}});
    }
    std::filesystem::path index(const std::string& weight_map) {
        return write_file(dir_ / "model.safetensors.index.json",
                          R"({"metadata": {"total_size": 12}, "weight_map": )" + weight_map + "}\n");
    }
    TempDir dir_;
};

TEST_F(ShardedSafetensors, JoinsTheShards) {
    const TensorSource source =
        open_tensors(index(R"({"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors"})"));
    ASSERT_EQ(source.tensors.size(), 3u);
    EXPECT_EQ(source.at("b").data<float>()[0], 2.0f);
    EXPECT_EQ(source.at("c").data<float>()[0], 3.0f);
    EXPECT_EQ(source.tensors.at("c").file, dir_ / "two.safetensors");
    EXPECT_EQ(source.path, dir_ / "model.safetensors.index.json");
}

TEST_F(ShardedSafetensors, RefusesBrokenIndexes) {
    expect_refused(index(R"({"a": "three.safetensors"})"), "shard 'three.safetensors' is missing");
    expect_refused(index(R"({"c": "one.safetensors"})"), "tensor 'c' is not in its shard 'one.safetensors'");
    expect_refused(index(R"({"a": "../one.safetensors"})"), "shard '../one.safetensors' is not a plain file name");
    expect_refused(index(R"({"a": "/one.safetensors"})"), "is not a plain file name");
    expect_refused(index(R"({"a": "..\\one.safetensors"})"), "is not a plain file name");
    expect_refused(index(R"({"a": ".."})"), "is not a plain file name");
    expect_refused(index(R"({"a": ""})"), "is not a plain file name");
    expect_refused(index(R"({"a": 3})"), "the shard of tensor 'a' is not a text");
    expect_refused(index(R"({"a": "one.safetensors", "a": "two.safetensors"})"), "the name 'a' appears twice");
    expect_refused(index("[]"), "has no object 'weight_map'");
    expect_refused(index("{"), "invalid JSON at byte");
    expect_refused(write_file(dir_ / "config.json", "{\"dim\": 1536}"), "has no object 'weight_map'");
}

}  // namespace
}  // namespace t3video::checkpoint
