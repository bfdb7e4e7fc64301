// torch .pth files: the golden ones, and one of each kind that torch can write.
#include <cstring>

#include "checkpoint/tensor_source.h"
#include "checkpoint/torch/pth.h"
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
                                                   {"ShortStorage", DType::i16},    {"CharStorage", DType::i8},
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
                                               {"expanded", "FloatStorage", "0", 12, 3, {7, 2}, {0, 1}},
                                               {"nothing", "FloatStorage", "0", 12, 12, {0, 4}, {4, 1}}})
                                        .stop()));
    EXPECT_EQ(values(source.at("transposed")), (std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
    EXPECT_EQ(values(source.at("column")), (std::vector<float>{1, 5, 9}));
    EXPECT_EQ(values(source.at("row")), (std::vector<float>{8, 9, 10, 11}));
    EXPECT_EQ(values(source.at("permuted")), (std::vector<float>{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}));
    EXPECT_EQ(values(source.at("middle")), (std::vector<float>{0, 6, 1, 7, 2, 8}));
    EXPECT_EQ(values(source.at("scalar")), (std::vector<float>{11}));
    EXPECT_EQ(values(source.at("repeated")), (std::vector<float>{5, 5, 5}));
    EXPECT_EQ(values(source.at("expanded")), (std::vector<float>{3, 4, 3, 4, 3, 4, 3, 4, 3, 4, 3, 4, 3, 4}));
    EXPECT_EQ(source.at("nothing").numel(), 0);
    // Where the layout allows it the bytes are those of the file, shared.
    EXPECT_EQ(source.at("row").raw(), source.at("all").raw() + 8 * sizeof(float));
    Tensor row = source.at("row");
    EXPECT_THROW(row.data<float>(), Error);
}

TEST(Pth, NestedDicts) {
    for (const std::string outer : {"model_state", "state_dict", "model", "module", "params", "anything"}) {
        const TempDir dir;
        PickleWriter pickle;
        pickle.op('}').op('(').text("epoch").integer(70000).text("rate").op('G').raw(std::string(8, '\0'));
        pickle.text(outer).dict({{"x", "FloatStorage", "0", 12, 3, {1}, {1}}}).op('u');
        const TensorSource source = open_tensors(write_pth(dir, pickle.stop()));
        ASSERT_EQ(source.tensors.size(), 1u);
        EXPECT_EQ(source.at("x").data<float>()[0], 3.0f);
        EXPECT_EQ(source.notes, Notes{source.path.string() + ": takes the weights under '" + outer + "'"});
    }
}

// Averages stand before the weights they are of, whatever comes first in the file.
TEST(Pth, ChoosesAmongDicts) {
    const TempDir dir;
    const auto write = [&](const std::vector<std::string>& paths) {
        PickleWriter pickle;
        pickle.op('}').text("step").tensor({"", "FloatStorage", "0", 12, 0, {}, {}}).op('s');
        for (size_t i = 0; i < paths.size(); ++i) {
            const size_t dot = paths[i].find('.');
            const int64_t value = static_cast<int64_t>(i);
            pickle.text(paths[i].substr(0, dot));
            if (dot != std::string::npos) pickle.op('}').text(paths[i].substr(dot + 1));
            pickle.dict({{"x", "FloatStorage", "0", 12, value, {1}, {1}}});
            if (dot != std::string::npos) pickle.op('s');
            pickle.op('s');
        }
        return write_pth(dir, pickle.stop());
    };
    const auto taken = [&](const std::vector<std::string>& paths) {
        const auto path = write(paths);
        const size_t index = static_cast<size_t>(open_tensors(path).at("x").data<float>()[0]);
        const Notes notes = open_tensors(path).notes;
        return paths.at(index) + ": " + notes.at(0).substr(path.string().size() + std::string(": takes ").size());
    };
    EXPECT_EQ(taken({"generator", "critic", "generator_ema"}),
              "generator_ema: the weights under 'generator_ema', not those under 'generator', 'critic'");
    EXPECT_EQ(taken({"params_ema", "params"}), "params_ema: the weights under 'params_ema', not those under 'params'");
    EXPECT_EQ(taken({"optimizer", "critic_ema", "generator"}),
              "generator: the weights under 'generator', not those under 'optimizer', 'critic_ema'");
    EXPECT_EQ(taken({"optimizer", "generator.model"}),
              "generator.model: the weights under 'generator.model', not those under 'optimizer'");
    EXPECT_EQ(taken({"ema.module", "model"}), "ema.module: the weights under 'ema.module', not those under 'model'");
    EXPECT_EQ(taken({"vae_ema", "generator"}), "generator: the weights under 'generator', not those under 'vae_ema'");
    EXPECT_EQ(taken({"critic", "anything"}), "anything: the weights under 'anything', not those under 'critic'");
    const auto plain = write_pth(dir, PickleWriter().dict({{"x", "FloatStorage", "0", 12, 0, {1}, {1}}}).stop());
    EXPECT_TRUE(open_tensors(plain).notes.empty());
}

// A LoRA's alpha may be a number of Python; it is a tensor then.
TEST(Pth, NumbersCalledAlpha) {
    const TempDir dir;
    const auto opened = [&](auto&& put) {
        PickleWriter pickle;
        pickle.op('}').op('(').text("a.lora_A.weight").tensor({"", "FloatStorage", "0", 12, 0, {1, 1}, {1, 1}});
        pickle.text("step").integer(7).text("a.alpha");
        put(pickle);
        return open_tensors(write_pth(dir, pickle.op('u').stop()));
    };
    const TensorSource whole = opened([](PickleWriter& p) { p.integer(16); });
    EXPECT_EQ(whole.tensors.size(), 2u);
    EXPECT_EQ(whole.at("a.alpha").data<double>()[0], 16.0);
    const TensorSource real = opened([](PickleWriter& p) { p.op('G').raw(std::string("\x3f\xe0\0\0\0\0\0\0", 8)); });
    EXPECT_EQ(real.at("a.alpha").data<double>()[0], 0.5);
    EXPECT_THROW(opened([](PickleWriter& p) { p.text("much"); }), InvalidRequest);
}

// Words that wrappers of modules put into names are left out.
TEST(Pth, NamesOfWrappedModules) {
    const TempDir dir;
    const TensorSource source = open_tensors(
        write_pth(dir, PickleWriter()
                           .dict({{"_orig_mod.blocks.0._fsdp_wrapped_module.a", "FloatStorage", "0", 12, 0, {1}, {1}},
                                  {"blocks.1._checkpoint_wrapped_module.a", "FloatStorage", "0", 12, 0, {1}, {1}}})
                           .stop()));
    EXPECT_TRUE(source.contains("blocks.0.a") && source.contains("blocks.1.a"));
}

// What stands beside tensors in checkpoints, in the opcodes of protocols 2 to 5.
TEST(Pth, PassesOverWhatIsNoTensor) {
    const TempDir dir;
    PickleWriter pickle;
    pickle.op(0x80).raw("\5").op(0x95).raw(raw_bytes(uint64_t{10})).op('}').op('(');
    pickle.text("x").tensor({"", "FloatStorage", "0", 12, 4, {2}, {1}});
    pickle.text("epoch").op('I').raw("12\n").text("done").op('I').raw("01\n").text("long").op('L').raw("-3L\n");
    pickle.text("huge").op(0x8B).raw(raw_bytes(uint32_t{12}) + std::string(12, '\7')).text("rate").op('F').raw("0.5\n");
    pickle.text("set").op(0x8F).op('(').integer(1).op(0x90).text("frozen").op('(').integer(1).op(0x91);
    pickle.text("bytes").op('C').raw("\2ab").text("more").op('B').raw(raw_bytes(uint32_t{1}) + "a");
    pickle.text("array").op(0x96).raw(raw_bytes(uint64_t{3}) + "abc").op('U').raw("\3old").op('N');
    pickle.op(0x8D).raw(raw_bytes(uint64_t{4}) + "wide").op('2').op('0').integer(5);
    pickle.text("number").text("numpy._core.multiarray").text("scalar").op(0x93).text("numpy").text("dtype").op(0x93);
    pickle.text("f4").op(0x85).op('R').op('C').raw(std::string("\4\0\0\0\0", 5)).op(0x86).op('R');
    pickle.text("device").global("torch", "device").text("cuda").op(0x85).op('R');
    pickle.text("type").global("torch", "bfloat16").text("extents").global("torch", "Size").integers({1, 2}).op(0x85);
    pickle.op('R').text("list").op(']').text("settings").op('}').integer(3).op('N').op('u');
    const TensorSource source = open_tensors(write_pth(dir, pickle.stop()));
    ASSERT_EQ(source.tensors.size(), 1u);
    EXPECT_EQ(values(source.at("x")), (std::vector<float>{4, 5}));
}

// Types of elements apart from the storage, attributes, and what torch's first version had.
TEST(Pth, OtherWaysToRebuildATensor) {
    const TempDir dir;
    const Spec floats_at_2{"", "FloatStorage", "0", 12, 2, {2}, {1}};
    PickleWriter pickle;
    pickle.op('}').op('(');
    pickle.text("v1").global("torch._utils", "_rebuild_tensor").op('(').storage(floats_at_2).integer(2);
    pickle.integers({2}).integers({1}).op('t').op('R');
    const auto third = [&](const std::string& name, const std::string& type, const std::string& storage) {
        pickle.text(name).global("torch._utils", "_rebuild_tensor_v3").op('(');
        pickle.storage({"", storage, "0", 48}).integer(1).integers({2}).integers({1}).op(0x89).op('N');
        pickle.global("torch", type).op('t').op('R');
    };
    third("f8", "float8_e4m3fn", "ByteStorage");
    third("f32", "float32", "ByteStorage");
    third("complex", "complex64", "ByteStorage");
    pickle.text("attributes").global("torch._tensor", "_rebuild_from_type_v2").op('(');
    pickle.global("torch._utils", "_rebuild_parameter_with_state").global("torch.nn.parameter", "Parameter").op('(');
    pickle.tensor(floats_at_2).op(0x88).op('N').op('}').op('t').op('}').op('t').op('R');
    const TensorSource source = open_tensors(write_pth(dir, pickle.op('u').stop()));
    ASSERT_EQ(source.tensors.size(), 5u);
    EXPECT_EQ(values(source.at("v1")), (std::vector<float>{2, 3}));
    EXPECT_EQ(values(source.at("attributes")), (std::vector<float>{2, 3}));
    EXPECT_EQ(values(source.at("f32")), (std::vector<float>{1, 2}));
    EXPECT_EQ(source.at("f8").dtype(), DType::f8_e4m3);
    EXPECT_EQ(raw_bytes(source.at("f8")), floats(12).substr(1, 2));
    const Stored& complex = source.tensors.at("complex").tensor;
    EXPECT_FALSE(complex.is_float());
    EXPECT_EQ(complex.type_name(), "complex64");
    EXPECT_THROW(decoded(complex), InvalidRequest);
}

TEST(OldPth, ReadsStoragesBehindThePickles) {
    const TempDir dir;
    for (const std::string padding : {"", "a", "ab", "abc"}) {  // data at any address
        PickleWriter pickle;
        pickle.ordered_dict().op('(').text("pad").text(padding);
        pickle.text("a").tensor({"", "FloatStorage", "94", 12, 0, {3, 4}, {4, 1}});
        pickle.text("t").tensor({"", "FloatStorage", "94", 12, 0, {4, 3}, {1, 4}});
        pickle.text("b").tensor({"", "FloatStorage", "7", 2, 1, {1}, {1}}).op('u');
        const auto path = write_file(dir / "old.pt", old_pth(pickle.stop(), {{"94", floats(12)}, {"7", floats(2)}}));
        const TensorSource source = open_tensors(path);
        EXPECT_EQ(raw_bytes(source.at("a")), floats(12));
        EXPECT_EQ(values(source.at("t")), (std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
        EXPECT_EQ(values(source.at("b")), (std::vector<float>{1}));
    }
}

// An OrderedDict of Python 2, and a view of a storage: elements 3 to 8, of which the tensor is the second pair.
TEST(OldPth, ReadsPython2AndViewsOfStorages) {
    const TempDir dir;
    PickleWriter pickle;
    pickle.global("collections", "OrderedDict").op(']').op(']').op('(').op('U').raw("\1w");
    pickle.global("torch._utils", "_rebuild_tensor").op('(').op('(').op('U').raw("\7storage");
    pickle.global("torch", "FloatStorage").op('U').raw("\3abc").op('U').raw("\3cpu").integer(12);
    pickle.op('(').op('U').raw("\1v").integer(3).integer(6).op('t').op('t').op('Q').integer(2).integers({2});
    pickle.integers({1}).op('t').op('R').op('e').op('a').op(0x85).op('R');
    const std::string object = pickle.stop();
    const TensorSource source = open_tensors(write_file(dir / "old.pt", old_pth(object, {{"abc", floats(12)}})));
    EXPECT_EQ(values(source.at("w")), (std::vector<float>{5, 6}));
}

// Too large to be copied because of its address.
TEST(OldPth, LargeTensorsStayInTheFile) {
    const TempDir dir;
    for (const std::string padding : {"", "a", "ab", "abc"}) {
        PickleWriter pickle;
        pickle.ordered_dict().op('(').text("pad").text(padding);
        pickle.text("a").tensor({"", "FloatStorage", "0", 1 << 16, 0, {256, 256}, {256, 1}}).op('u');
        const auto path = write_file(dir / "old.pt", old_pth(pickle.stop(), {{"0", floats(1 << 16)}}));
        const TensorSource source = open_tensors(path);
        const Stored& a = source.tensors.at("a").tensor;
        EXPECT_EQ(raw_bytes(decoded(a)), floats(1 << 16));
        EXPECT_EQ(a.copied_bytes(), 0u);
        EXPECT_EQ(a.type_name(), "f32");
        if (!a.encoding()) continue;
        std::vector<float> part(300);
        a.encoding()->decode(1001, 300, part.data());
        EXPECT_EQ(part.front(), 1001.0f);
        EXPECT_EQ(part.back(), 1300.0f);
    }
}

TEST(OldPth, RefusesWhatIsDamaged) {
    const TempDir dir;
    const std::string object = PickleWriter().dict({{"x", "FloatStorage", "0", 12, 0, {12}, {1}}}).stop();
    const auto refused = [&](const std::string& bytes, const std::string& reason) {
        expect_refused(write_file(dir / "old.pt", bytes), reason);
    };
    const std::string good = old_pth(object, {{"0", floats(12)}});
    for (size_t length = 2; length < good.size(); ++length) refused(good.substr(0, length), "");
    refused(good.substr(0, good.size() - 1),
            "the storage '0' takes 48 bytes, of which the file has 47; the download is");
    refused(PickleWriter().integer(3).stop(), "is a pickle, but not one that torch.save wrote");
    refused(old_pth(object, {{"0", floats(12)}}, std::string(10, 'x')),
            "is a pickle, but not one that torch.save wrote");
    refused(old_pth(object, {{"0", floats(12)}}, "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", false),
            "byte order is 'big'");
    refused(old_pth(object, {}), "the storage '0' is missing");
    refused(old_pth(object, {{"1", floats(12)}}), "the storage '1' belongs to no tensor");
    refused(old_pth(object, {{"0", floats(12)}, {"0", floats(12)}}), "the storage '0' appears twice");
    refused(old_pth(object, {{"0", floats(11)}}),
            "its storage '0' is stated to have 12 elements of f32, the file has 11");
    std::string lying = good;
    lying.replace(lying.size() - 56, 8, raw_bytes(~uint64_t{0}));
    refused(lying, "more than the file has bytes");
    const std::string two =
        PickleWriter()
            .dict({{"x", "FloatStorage", "0", 12, 0, {12}, {1}}, {"y", "DoubleStorage", "0", 12, 0, {12}, {1}}})
            .stop();
    refused(old_pth(two, {{"0", floats(12)}}), "the storage '0' is of two types at once");
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
    for (const std::string folder : {"a/", "ab/", "abc/", "abcd/", ""}) {  // the last was packed anew
        const TempDir dir;
        const std::string pickle = PickleWriter().dict({{"x", "FloatStorage", "0", 12, 0, {12}, {1}}}).stop();
        const TensorSource source =
            open_tensors(write_zip(dir / "a.pth", {{folder + "data.pkl", pickle}, {folder + "data/0", floats(12)}}));
        EXPECT_EQ(reinterpret_cast<uintptr_t>(source.at("x").raw()) % alignof(float), 0u);
        EXPECT_EQ(raw_bytes(source.at("x")), floats(12));
    }
}

}  // namespace
}  // namespace t3video::checkpoint
