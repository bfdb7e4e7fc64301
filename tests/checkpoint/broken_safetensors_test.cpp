// Every way in which a safetensors file can lie about itself is refused, with its reason.
#include "files.h"

namespace t3video::checkpoint {
namespace {

struct BrokenCase {
    std::string name, content, reason;
};

std::ostream& operator<<(std::ostream& out, const BrokenCase& c) {
    return out << c.name;
}

// One tensor 'a' with this description, over `data`.
std::string one(const std::string& description, const std::string& data = "12345678") {
    return safetensors_file(R"({"a":)" + description + "}", data);
}

std::string two(const std::string& offsets_a, const std::string& offsets_b) {
    return safetensors_file(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + offsets_a +
                                R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + offsets_b + "}}",
                            "12345678");
}

std::string nested(int depth) {
    return std::string(static_cast<size_t>(depth), '[');
}

const BrokenCase kBroken[] = {
    {"Empty", "", "the file is empty"},
    {"ShorterThanItsLength", "abc", "3 bytes are too few for a safetensors file"},
    {"HeaderLengthTooLarge", raw_bytes(uint64_t{100'000'001}) + "{}", "header length 100000001 exceeds the limit"},
    {"HeaderLengthHuge", std::string(16, '\xFF'), "exceeds the limit"},
    {"TruncatedHeader", raw_bytes(uint64_t{100}) + R"({"a":{"dty)", "ends beyond the file of 18 bytes"},
    {"HeaderNotJson", safetensors_file("{nonsense", ""), "header: invalid JSON at byte"},
    {"HeaderBreaksOff", safetensors_file(R"({"a":{"dtype":"U8")", ""), "header: invalid JSON at byte"},
    {"HeaderNotUtf8", safetensors_file("{\"\xFF\": 1}", ""), "header: invalid JSON at byte"},
    {"HeaderNumberTooLarge", one(R"({"dtype":"U8","shape":[1e999],"data_offsets":[0,8]})"), "invalid JSON"},
    {"HeaderDeep", safetensors_file("{\"a\":" + nested(100'000), ""), "JSON nested deeper than"},
    {"HeaderIsAList", safetensors_file("[]", ""), "the header is not a JSON object"},
    {"EntryIsANumber", one("3"), "tensor 'a' is not described by a JSON object"},
    {"NoType", one(R"({"shape":[8],"data_offsets":[0,8]})"), "tensor 'a' has no text 'dtype'"},
    {"NoShape", one(R"({"dtype":"U8","data_offsets":[0,8]})"), "tensor 'a' has no list 'shape'"},
    {"NegativeExtent", one(R"({"dtype":"U8","shape":[-8],"data_offsets":[0,8]})"),
     "'shape' holds something other than"},
    {"FractionalExtent", one(R"({"dtype":"U8","shape":[8.0],"data_offsets":[0,8]})"), "'shape' holds something other"},
    {"SevenDimensions", one(R"({"dtype":"U8","shape":[8,1,1,1,1,1,1],"data_offsets":[0,8]})"), "has 7 dimensions"},
    {"ShapeOverflows", one(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]})"), "is too large"},
    {"NoOffsets", one(R"({"dtype":"U8","shape":[8]})"), "has no list 'data_offsets'"},
    {"OneOffset", one(R"({"dtype":"U8","shape":[8],"data_offsets":[8]})"), "'data_offsets' has 1 numbers, expected 2"},
    {"OffsetsBackwards", one(R"({"dtype":"U8","shape":[8],"data_offsets":[8,0]})"),
     "data offsets [8, 0) run backwards"},
    {"OffsetsBeyondTheEnd", one(R"({"dtype":"U8","shape":[8],"data_offsets":[1,9]})"),
     "data offsets [1, 9) end beyond the file's 8 bytes of data"},
    {"OffsetsHuge", one(R"({"dtype":"U8","shape":[8],"data_offsets":[9223372036854775800,9223372036854775807]})"),
     "end beyond the file's 8 bytes of data"},
    {"WrongByteCount", one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
     "[3] of f32 takes 12 bytes, its data offsets [0, 8) hold 8"},
    {"Overlap", two("[0,4]", "[3,7]"), "tensors 'a' and 'b' overlap at byte 3"},
    {"SameBytesTwice", two("[0,4]", "[0,4]"), "overlap at byte 0"},
    {"DuplicateName",
     safetensors_file(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                      R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
                      ""),
     "the name 'a' appears twice"},
    {"ControlCharactersInName", safetensors_file(R"({"a\nb":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", ""),
     R"(the tensor name 'a\x0ab' contains control characters)"},
    {"MetadataNotTexts", safetensors_file(R"({"__metadata__":{"n":3}})", ""), "'__metadata__' entry 'n' is not a text"},
    {"MetadataNotAnObject", safetensors_file(R"({"__metadata__":[]})", ""), "'__metadata__' is not a JSON object"},
    {"NotDownloadedToItsEnd", two("[0,4]", "[4,9]"), ": ends after 121 of 122 bytes: the download is not complete"},
    {"LfsPointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
     "is a Git LFS pointer, not the weights; fetch the file itself with 'git lfs pull'"},
    {"WebPage", "\n<!DOCTYPE html><html lang=\"en\">", "is an HTML or XML page"},
    {"ErrorOfAServer", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "is an HTML or XML page"},
    {"AnswerOfAServer", "Entry not found", "is a text that begins with 'Entry not found', not weights"},
    {"Tar", std::string(257, 'x') + "ustar" + std::string(400, '\0'), "is a tar archive"},
    {"Gzip", "\x1f\x8b\x08" + std::string(40, 'x'), "is compressed (gzip); unpack it first"},
    {"Hdf5", "\x89HDF\r\n\x1a\n" + std::string(40, '\0'), "is an HDF5 file"},
    {"Zeros", std::string(5000, '\0'), "begins with zeros; the download did not begin"},
};

class BrokenSafetensors : public ::testing::TestWithParam<BrokenCase> {};

TEST_P(BrokenSafetensors, IsRefused) {
    const TempDir dir;
    expect_refused(write_file(dir / "broken.safetensors", GetParam().content), GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(Files, BrokenSafetensors, ::testing::ValuesIn(kBroken),
                         [](const auto& tested) { return tested.param.name; });

// No prefix of a good file is accepted, and no change of one header byte does harm.
TEST(DamagedSafetensors, NeverCrashes) {
    const TempDir dir;
    save_safetensors(dir / "good.safetensors", {{"a", tensor_of({2, 3}, DType::f32, std::string(24, 'x'))},
                                                {"b", tensor_of({5}, DType::bf16, std::string(10, 'y'))}});
    const std::string good = read_file(dir / "good.safetensors");
    for (size_t length = 0; length < good.size(); ++length) {
        const auto path = write_file(dir / "cut.safetensors", good.substr(0, length));
        EXPECT_THROW(open_tensors(path), InvalidRequest) << length;
    }
    for (size_t at = 0; at + 34 < good.size(); ++at) {
        for (const int change : {1, 2, 16, 128}) {
            std::string damaged = good;
            damaged[at] = static_cast<char>(damaged[at] ^ change);
            const auto path = write_file(dir / "damaged.safetensors", damaged);
            try {
                for (const auto& [name, stored] : open_tensors(path).tensors) raw_bytes(stored.tensor);
            } catch (const InvalidRequest&) {
            }
        }
    }
}

}  // namespace
}  // namespace t3video::checkpoint
