// Broken and hostile .pth files are refused, with their reason.
#include "pickle_writer.h"
#include "zip_writer.h"

namespace t3video::checkpoint {
namespace {

using Spec = PickleWriter::TensorSpec;

const std::string kData(16, '\1');  // four floats

std::string pickle_of(const Spec& spec) {
    return PickleWriter().dict({spec}).stop();
}
const std::string kGood = pickle_of({"x", "FloatStorage", "0", 4, 0, {4}, {1}});

struct PickleCase {
    std::string name, pickle, reason;
};
std::ostream& operator<<(std::ostream& out, const PickleCase& c) {
    return out << c.name;
}

// BINPERSID of a tuple of these values.
std::string persistent_id(const std::string& kind, int64_t elements) {
    PickleWriter pickle;
    pickle.op('(').text(kind).global("torch", "FloatStorage").text("0").text("cpu").integer(elements);
    return pickle.op('t').op('Q').stop();
}

const PickleCase kPickles[] = {
    {"ForbiddenGlobal", PickleWriter().global("os", "system").op('(').text("true").op('t').op('R').stop(),
     "pickle byte 2: the pickle refers to 'os.system'"},
    {"ForbiddenBuiltin", PickleWriter().global("builtins", "eval").stop(), "refers to 'builtins.eval'"},
    {"UnknownTorchName", PickleWriter().global("torch._utils", "_rebuild_qtensor").stop(),
     "refers to 'torch._utils._rebuild_qtensor'"},
    {"OtherStorageType", pickle_of({"x", "QInt8Storage", "0", 4, 0, {4}, {1}}), "'torch.QInt8Storage'"},
    {"StackGlobal", PickleWriter().text("os").text("system").op(0x93).stop(),
     "pickle byte 20: the pickle refers to 'os.system'"},
    {"StackGlobalOfNumbers", PickleWriter().integer(1).integer(2).op(0x93).stop(), "expected a text as module"},
    {"SettingsOfTraining", PickleWriter().op('}').text("args").global("argparse", "Namespace").stop(),
     "refers to 'argparse.Namespace', which a file of weights does not need; nothing was run. If you trust the file"},
    {"NewObject", PickleWriter().global("os", "system").op(')').op(0x81).stop(), "refers to 'os.system'"},
    {"NewObjectOfATensor", PickleWriter().tensor({}).op(')').op(0x81).stop(), "expected a function that rebuilds"},
    {"Extension", PickleWriter().op(0x82).raw("\1").stop(), "opcode 0x82"},
    {"OutOfBandBuffer", PickleWriter().op(0x97).stop(), "opcode 0x97"},
    {"FrameBreaksOff", PickleWriter().op(0x95).raw(raw_bytes(uint64_t{1000})).stop(), "a frame ends beyond the pickle"},
    {"LongTextBreaksOff", PickleWriter().op(0x8D).raw(raw_bytes(~uint64_t{0})).stop(), "ends within this opcode"},
    {"BytesBreakOff", PickleWriter().op(0x96).raw(raw_bytes(uint64_t{9})).stop(), "ends within this opcode"},
    {"DigitsOfNothing", PickleWriter().op('I').raw("one\n").stop(), "expected an integer of 64 bits, found 'one'"},
    {"DigitsOfTooMuch", PickleWriter().op('L').raw("99999999999999999999L\n").stop(), "expected an integer of 64 bits"},
    {"DictOfNumbers",
     PickleWriter().global("collections", "OrderedDict").op(']').integer(3).op('a').op(0x85).op('R').stop(),
     "expected a key and a value"},
    {"TypeOfTheWrongSize",
     PickleWriter()
         .global("torch._utils", "_rebuild_tensor_v3")
         .op('(')
         .storage({"", "HalfStorage", "0", 4})
         .integer(0)
         .integers({4})
         .integers({1})
         .op(0x89)
         .op('N')
         .global("torch", "float32")
         .op('t')
         .op('R')
         .stop(),
     "elements of f32 in a storage of f16"},
    {"Instance", PickleWriter().op('(').op('i').raw("os\nsystem\n").stop(), "pickle byte 3: opcode 0x69"},
    {"UnknownOpcode", PickleWriter().op(0xFF).stop(), "pickle byte 2: opcode 0xff"},
    {"Empty", "", "pickle byte 0: the pickle ends without STOP"},
    {"Protocol0", std::string("\x80\0", 2), "pickle protocol 0, expected 2 to 5"},
    {"NoStop", PickleWriter().dict({}).bytes(), "ends without STOP"},
    {"GlobalBreaksOff", PickleWriter().op('c').raw("torch\nFloat").bytes(), "ends within a name"},
    {"TextBreaksOff", PickleWriter().op('X').raw(raw_bytes(uint32_t{0xFFFFFFFF}) + "abc").bytes(), "ends within this"},
    {"NumberBreaksOff", PickleWriter().op('J').raw("ab").bytes(), "ends within this opcode"},
    {"LongTooWide", PickleWriter().op('(').op(0x8A).raw("\x09" + std::string(9, '\1')).op('t').op('Q').stop(),
     "a persistent id of 1 parts"},
    {"StackUnderflow", PickleWriter().op(0x87).stop(), "takes 3 values from a stack of 0"},
    {"BelowTheMark", PickleWriter().integer(1).op('(').op(0x85).stop(), "takes 1 values from a stack of 0"},
    {"NoMark", PickleWriter().op('t').stop(), "but none is set"},
    {"MemoNeverStored", PickleWriter().op('h').raw("\5").stop(), "reads memo 5, which was never stored"},
    {"MemoOfNothing", PickleWriter().op('q').raw("\5").stop(), "needs a value on the stack"},
    {"ItemsOfAnInteger", PickleWriter().integer(1).integer(2).integer(3).op('s').stop(), "other than a dict"},
    {"OddItems", PickleWriter().op('}').op('(').integer(1).op('u').stop(), "an odd number of dict keys and values"},
    {"AppendToAnInteger", PickleWriter().integer(1).integer(2).op('a').stop(),
     "appends to something other than a list"},
    {"CallOfAnInteger", PickleWriter().integer(1).op(')').op('R').stop(), "expected a function that rebuilds tensors"},
    {"CallOfAType", PickleWriter().global("torch", "FloatStorage").op(')').op('R').stop(), "expected a function"},
    {"CallWithoutArguments", PickleWriter().global("torch._utils", "_rebuild_tensor_v2").op(')').op('R').stop(),
     "_rebuild_tensor_v2 with 0 arguments"},
    {"OtherPersistentId", persistent_id("module", 4), "a persistent id of kind 'module'"},
    {"NegativeStorage", persistent_id("storage", -1), "a storage of -1 elements"},
    {"LongStorageKey", pickle_of({"x", "FloatStorage", std::string(300, '0'), 4, 0, {4}, {1}}),
     "a storage key of 300 bytes"},
    {"ShortPersistentId", PickleWriter().op(')').op('Q').stop(), "a persistent id of 0 parts"},
    {"NotADict", PickleWriter().integer(3).stop(), "its pickle holds something other than a dict of tensors"},
    {"DictOfItself", PickleWriter().op('}').op('q').raw("\1").text("x").op('h').raw("\1").op('s').stop(),
     "the file holds no tensors"},
    {"ObjectsOnly", PickleWriter().op('}').text("x").global("numpy", "ndarray").op('s').stop(),
     "the file holds no tensors of torch, but objects such as numpy.ndarray"},
    {"TensorUnderANumber",
     PickleWriter().op('}').integer(3).tensor({"", "FloatStorage", "0", 4, 0, {4}, {1}}).op('s').stop(),
     "a tensor in its pickle has something other than a text as name"},
    {"TwoModels",
     PickleWriter()
         .op('}')
         .text("dit")
         .dict({{"x", "FloatStorage", "0", 4, 0, {4}, {1}}})
         .op('s')
         .text("vae")
         .dict({{"x", "FloatStorage", "0", 4, 0, {4}, {1}}})
         .op('s')
         .stop(),
     "holds several dicts of tensors, 'dit', 'vae'; which are the model's weights is not known"},
    {"NoTensors", PickleWriter().dict({}).stop(), "the file holds no tensors"},
    {"TwoValuesAtStop", PickleWriter().integer(3).integer(3).stop(), "STOP with 2 values on the stack"},
    {"DuplicateName",
     PickleWriter()
         .dict({{"x", "FloatStorage", "0", 4, 0, {4}, {1}}, {"x", "FloatStorage", "0", 4, 0, {4}, {1}}})
         .stop(),
     "the tensor 'x' appears twice"},
    {"ControlCharactersInName", pickle_of({"x\ny", "FloatStorage", "0", 4, 0, {4}, {1}}), R"('x\x0ay')"},
    {"SevenDimensions", pickle_of({"x", "FloatStorage", "0", 4, 0, {1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1}}),
     "a shape of 7 numbers"},
    {"FewerStrides", pickle_of({"x", "FloatStorage", "0", 4, 0, {2, 2}, {1}}), "a shape of 2 extents with 1 strides"},
    {"NegativeExtent", pickle_of({"x", "FloatStorage", "0", 4, 0, {-4}, {1}}), "negative extent -4"},
    {"NegativeStride", pickle_of({"x", "FloatStorage", "0", 4, 3, {4}, {-1}}), "negative stride -1"},
    {"NegativeOffset", pickle_of({"x", "FloatStorage", "0", 4, -1, {4}, {1}}), "storage offset -1 is negative"},
    {"BeyondTheStorage", pickle_of({"x", "FloatStorage", "0", 4, 1, {4}, {1}}), "reaches beyond its storage of 4 el"},
    {"LargerThanTheStorage", pickle_of({"x", "FloatStorage", "0", 4, 0, {5}, {1}}), "reaches beyond its storage of 4"},
    {"OffsetBeyondTheStorage", pickle_of({"x", "FloatStorage", "0", 4, 4, {}, {}}), "lies beyond its storage of 4"},
    {"StrideBeyondTheStorage", pickle_of({"x", "FloatStorage", "0", 4, 0, {2, 2}, {3, 1}}), "reaches beyond its"},
    {"StrideOverflows", pickle_of({"x", "FloatStorage", "0", 4, 0, {3}, {INT64_MAX}}), "reaches beyond its storage"},
    {"ShapeOverflows", pickle_of({"x", "FloatStorage", "0", 4, 0, {int64_t{1} << 40, int64_t{1} << 40}, {0, 0}}),
     "is too large"},
    {"ExpandedBeyondTheStorage", pickle_of({"x", "FloatStorage", "0", 4, 0, {int64_t{1} << 40}, {0}}),
     "must be copied take 4398046511104 bytes"},
    {"StorageBeyondTheEntry", pickle_of({"x", "FloatStorage", "0", 5, 0, {5}, {1}}),
     "its storage '0' is stated to have 5 elements of f32, the file has 4"},
    {"NoSuchStorage", pickle_of({"x", "FloatStorage", "1", 4, 0, {4}, {1}}), "zip entry 'm/data/1' is missing"},
};

class BrokenPickle : public ::testing::TestWithParam<PickleCase> {};

TEST_P(BrokenPickle, IsRefused) {
    const TempDir dir;
    expect_refused(write_zip(dir / "broken.pth", {{"m/data.pkl", GetParam().pickle}, {"m/data/0", kData}}),
                   GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(Pickles, BrokenPickle, ::testing::ValuesIn(kPickles),
                         [](const auto& tested) { return tested.param.name; });

TEST(BrokenZip, IsRefused) {
    const TempDir dir;
    const auto path = dir / "broken.pth";
    const auto zip = [&](const std::vector<ZipEntry>& entries) { return write_zip(path, entries); };
    const std::string zeros(1000, '\0');
    expect_refused(zip({{"m/other", "x"}}), "has no entry '*/data.pkl'");
    expect_refused(zip({{"m/data.pkl", kGood}, {"n/data.pkl", kGood}}), "two pickles in the archive");
    expect_refused(zip({{"m/data.pkl", kGood}, {"m/code/__torch__.py", "x"}}), "is a TorchScript program");
    expect_refused(zip({{"m/data.pkl", kGood}}), "zip entry 'm/data/0' is missing");
    expect_refused(zip({{"m/data.pkl", kGood}, {"m/data/0", zeros, true}}), "zip entry 'm/data/0' is compressed");
    expect_refused(zip({{"m/data.pkl", kGood + zeros, true}, {"m/data/0", kData}}), "'m/data.pkl' is compressed");
    expect_refused(zip({{"m/data.pkl", kGood}, {"m/data/0", kData}, {"m/byteorder", "big"}}), "byte order is 'big'");
    expect_refused(zip({{"m/data.pkl", std::string(65 << 20, '(')}}), "a pickle of 68157440 bytes");
    expect_refused(zip({{"m/data.pkl", "\x80\2" + std::string(5 << 20, 'N')}}), "more than 4194304 values");
    expect_refused(zip({{"m/data.pkl", "\x80\2" + std::string(5 << 20, '(')}}), "more than 4194304 marks");
    // Calls that copy the same large dict again and again.
    PickleWriter copies;
    copies.op('}').op('(').raw(std::string(1 << 17, 'N')).op('u').op('q').raw("\1");
    for (int i = 0; i < 100; ++i) copies.global("collections", "Counter").op('h').raw("\1").op(0x85).op('R').op('0');
    expect_refused(zip({{"m/data.pkl", copies.stop()}}), "copies more than 4194304 values");
    expect_refused(zip({{"m/data.pkl", "\x80\4}" + std::string(5 << 20, '\x94')}}), "more than 4194304 values");
    zip({{"m/data.pkl", kGood}, {"m/data/0", kData}});
    EXPECT_EQ(open_tensors(path).tensors.size(), 1u) << "the cases above differ from a good file in one thing only";
}

// Each of these must be copied, and together they would take a multiple of the file.
TEST(BrokenZip, SharedStoragesAreNotCopiedWithoutLimit) {
    const TempDir dir;
    const auto transposed = [&](int tensors) {
        std::vector<Spec> specs;
        for (int i = 0; i < tensors; ++i)
            specs.push_back({std::to_string(i), "FloatStorage", "0", 1 << 14, 0, {128, 128}, {1, 128}});
        return write_zip(dir / "shared.pth",
                         {{"m/data.pkl", PickleWriter().dict(specs).stop()}, {"m/data/0", std::string(4 << 14, '\1')}});
    };
    EXPECT_EQ(open_tensors(transposed(2)).tensors.size(), 2u);
    expect_refused(transposed(10), "tensors up to this one that must be copied take 196608 bytes");
}

TEST(BrokenZip, NamesAnEntryTwice) {
    const TempDir dir;
    TorchZipWriter zip(dir / "a.pth");
    zip.add("m/data.pkl", kGood);
    zip.add("m/data/0", kData);
    zip.add("m/data/0", kData);
    zip.finish();
    expect_refused(dir / "a.pth", "the zip entry 'm/data/0' appears twice");
}

// No prefix of a good file is accepted, and no change of a byte does harm.
TEST(DamagedPth, NeverCrashes) {
    const TempDir dir;
    TorchZipWriter zip(dir / "good.pth");
    zip.add("m/data.pkl", kGood);
    zip.add("m/data/0", kData);
    zip.finish();
    const std::string good = read_file(dir / "good.pth");
    for (size_t length = 0; length < good.size(); ++length) {
        EXPECT_THROW(open_tensors(write_file(dir / "cut.pth", good.substr(0, length))), InvalidRequest) << length;
    }
    expect_refused(write_file(dir / "cut.pth", good.substr(0, good.size() - 1)), "zip archive is truncated or damaged");
    for (size_t at = 0; at < good.size(); ++at) {
        for (const int change : {1, 4, 32, 128}) {
            std::string damaged = good;
            damaged[at] = static_cast<char>(damaged[at] ^ change);
            try {
                const TensorSource source = open_tensors(write_file(dir / "damaged.pth", damaged));
                for (const auto& [name, stored] : source.tensors) raw_bytes(stored.tensor);
            } catch (const InvalidRequest&) {
            }
        }
    }
}

}  // namespace
}  // namespace t3video::checkpoint
