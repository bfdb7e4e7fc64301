// torch .pth files: the golden ones, and one of each kind that torch can write.
#include <cstring>

#include "checkpoint/tensor_source.h"
#include "pickle_writer.h"
#include "zip_writer.h"

namespace t3video::checkpoint {
namespace {

using Spec = PickleWriter::TensorSpec;

std::string floats(int64_t count) {
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i));
    return raw_bytes(values);
}

std::vector<float> values(const Tensor& tensor) {
    const auto span = tensor.span<float>();
    return {span.begin(), span.end()};
}

// An archive with this pickle and floats 0, 1, ... 11 as storage '0'.
std::filesystem::path write_pth(const TempDir& dir, const std::string& pickle) {
    TorchZipWriter zip(dir / "model.pth");
    zip.add("archive/data.pkl", pickle);
    zip.add("archive/byteorder", "little");
    zip.add("archive/data/0", floats(12));
    zip.finish();
    return dir / "model.pth";
}

TEST(Pth, GoldenVae) {
    const TensorSource source = open_tensors(T3VIDEO_TEST_DATA "/golden/wan21-tiny/model/Wan2.1_VAE.pth");
    EXPECT_EQ(source.tensors.size(), 194u);
    EXPECT_TRUE(source.metadata.empty());
    int64_t parameters = 0;
    for (const auto& [name, stored] : source.tensors) parameters += stored.tensor.numel();
    EXPECT_EQ(parameters, 243583);
    const Tensor& first = source.at("encoder.conv1.weight");
    ASSERT_EQ(first.shape(), Shape({4, 3, 3, 3, 3}));
    ASSERT_EQ(first.dtype(), DType::f32);
    EXPECT_EQ(first.data<float>()[0], -0.10531233996152878f);
    EXPECT_EQ(first.data<float>()[2], 0.07689687609672546f);
    EXPECT_EQ(first.data<float>()[323], -0.1677093505859375f);
    EXPECT_EQ(source.at("decoder.head.2.bias").data<float>()[2], -0.17475660145282745f);
}

TEST(Pth, GoldenTextEncoder) {
    const TensorSource source =
        open_tensors(T3VIDEO_TEST_DATA "/golden/wan21-tiny/model/models_t5_umt5-xxl-enc-bf16.pth");
    EXPECT_EQ(source.tensors.size(), 32u);
    const Tensor& table = source.at("token_embedding.weight");
    ASSERT_EQ(table.shape(), Shape({512, 64}));
    EXPECT_EQ(table.data<bf16>()[0].bits, 0xBE22);
    EXPECT_EQ(table.data<bf16>()[512 * 64 - 1].bits, 0x3DF4);
    EXPECT_EQ(source.at("norm.weight").data<bf16>()[63].bits, 0x3F87);
}

TEST(Pth, EveryStorageType) {
    const std::pair<const char*, DType> types[] = {{"FloatStorage", DType::f32},    {"BFloat16Storage", DType::bf16},
                                                   {"HalfStorage", DType::f16},     {"DoubleStorage", DType::f64},
                                                   {"LongStorage", DType::i64},     {"IntStorage", DType::i32},
                                                   {"BoolStorage", DType::boolean}, {"ByteStorage", DType::u8}};
    for (const auto& [name, dtype] : types) {
        const TempDir dir;
        const std::string pickle = PickleWriter().dict({{"x", name, "0", 2, 0, {2}, {1}}}).stop();
        const std::string data(2 * size_of(dtype), '\1');
        const TensorSource source =
            open_tensors(write_zip(dir / "a.pth", {{"any name/data.pkl", pickle}, {"any name/data/0", data}}));
        EXPECT_EQ(source.at("x").dtype(), dtype);
        EXPECT_EQ(raw_bytes(source.at("x")), data) << name;
    }
}

TEST(Pth, ViewsOfOneStorage) {
    const TempDir dir;
    const TensorSource source =
        open_tensors(write_pth(dir, PickleWriter()
                                        .dict({{"all", "FloatStorage", "0", 12, 0, {3, 4}, {4, 1}},
                                               {"transposed", "FloatStorage", "0", 12, 0, {4, 3}, {1, 4}},
                                               {"column", "FloatStorage", "0", 12, 1, {3, 1}, {4, 1000}},
                                               {"row", "FloatStorage", "0", 12, 8, {1, 4}, {77, 1}},
                                               {"permuted", "FloatStorage", "0", 12, 0, {2, 3, 2}, {6, 1, 3}},
                                               {"middle", "FloatStorage", "0", 12, 0, {3, 1, 2}, {1, INT64_MAX, 6}},
                                               {"scalar", "FloatStorage", "0", 12, 11, {}, {}},
                                               {"repeated", "FloatStorage", "0", 12, 5, {3}, {0}},
                                               {"nothing", "FloatStorage", "0", 12, 12, {0, 4}, {4, 1}}})
                                        .stop()));
    EXPECT_EQ(values(source.at("transposed")), (std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
    EXPECT_EQ(values(source.at("column")), (std::vector<float>{1, 5, 9}));
    EXPECT_EQ(values(source.at("row")), (std::vector<float>{8, 9, 10, 11}));
    EXPECT_EQ(values(source.at("permuted")), (std::vector<float>{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}));
    EXPECT_EQ(values(source.at("middle")), (std::vector<float>{0, 6, 1, 7, 2, 8}));
    EXPECT_EQ(values(source.at("scalar")), (std::vector<float>{11}));
    EXPECT_EQ(values(source.at("repeated")), (std::vector<float>{5, 5, 5}));
    EXPECT_EQ(source.at("nothing").numel(), 0);
    // Where the layout allows it the bytes are those of the file, shared.
    EXPECT_EQ(source.at("row").raw(), source.at("all").raw() + 8 * sizeof(float));
    Tensor row = source.at("row");
    EXPECT_THROW(row.data<float>(), Error);
}

TEST(Pth, NestedDicts) {
    for (const std::string outer : {"model_state", "state_dict", "model"}) {
        const TempDir dir;
        PickleWriter pickle;
        pickle.op('}').op('(').text("epoch").integer(70000).text("rate").op('G').raw(std::string(8, '\0'));
        pickle.text(outer).dict({{"x", "FloatStorage", "0", 12, 3, {1}, {1}}}).op('u');
        const TensorSource source = open_tensors(write_pth(dir, pickle.stop()));
        ASSERT_EQ(source.tensors.size(), 1u);
        EXPECT_EQ(source.at("x").data<float>()[0], 3.0f);
    }
}

// A parameter, memo opcodes of all widths, lists, long integers, and the _metadata of a module.
TEST(Pth, OddButHarmlessPickles) {
    const TempDir dir;
    const Spec spec{"", "FloatStorage", "0", 12, 2, {2}, {1}};
    PickleWriter pickle;
    pickle.ordered_dict().op('q').raw(std::string(1, '\7'));
    pickle.text("a").global("torch._utils", "_rebuild_parameter").tensor(spec).op(0x94).op(0x88).ordered_dict();
    pickle.op(0x87).op('R').op('s');
    pickle.op(0x8C).raw("\1b").op('h').raw(std::string(1, '\1')).op('s');
    pickle.op('}').op('r').raw(raw_bytes(uint32_t{300}));
    pickle.text("_metadata").op(']').op('N').op('a').op('(').integer(-1).integer(int64_t{1} << 40).op('e').op('s');
    pickle.op('b');
    const TensorSource source = open_tensors(write_pth(dir, pickle.stop()));
    EXPECT_EQ(values(source.at("a")), (std::vector<float>{2, 3}));
    EXPECT_EQ(values(source.at("b")), (std::vector<float>{2, 3}));
}

TEST(Pth, PaddedLocalHeaders) {
    const TempDir dir;
    const TensorSource source =
        open_tensors(write_pth(dir, PickleWriter().dict({{"x", "FloatStorage", "0", 12, 0, {12}, {1}}}).stop()));
    EXPECT_EQ(raw_bytes(source.at("x")), floats(12));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(source.at("x").raw()) % 64, 0u) << "not mapped in place";
}

// Data beyond 4 GiB, in a file of holes.
TEST(Pth, Zip64) {
    const TempDir dir;
    TorchZipWriter zip(dir / "large.pth");
    zip.add("large/data.pkl", PickleWriter().dict({{"x", "FloatStorage", "0", 12, 0, {12}, {1}}}).stop());
    zip.add("large/data/0", floats(12), (uint64_t{1} << 32) + 4096);
    zip.finish();
    ASSERT_GT(std::filesystem::file_size(dir / "large.pth"), uint64_t{1} << 32);
    const TensorSource source = open_tensors(dir / "large.pth");
    EXPECT_EQ(raw_bytes(source.at("x")), floats(12));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(source.at("x").raw()) % 64, 0u) << "not mapped in place";
}

TEST(Pth, UnalignedDataIsCopied) {
    for (const std::string folder : {"a", "ab", "abc", "abcd"}) {
        const TempDir dir;
        const std::string pickle = PickleWriter().dict({{"x", "FloatStorage", "0", 12, 0, {12}, {1}}}).stop();
        const TensorSource source =
            open_tensors(write_zip(dir / "a.pth", {{folder + "/data.pkl", pickle}, {folder + "/data/0", floats(12)}}));
        EXPECT_EQ(reinterpret_cast<uintptr_t>(source.at("x").raw()) % alignof(float), 0u);
        EXPECT_EQ(raw_bytes(source.at("x")), floats(12));
    }
}

}  // namespace
}  // namespace t3video::checkpoint
