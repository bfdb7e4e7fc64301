// Opening by content, lookups and renaming.
#include "checkpoint/tensor_source.h"

#include "files.h"
#include "pickle_writer.h"
#include "zip_writer.h"

namespace t3video::checkpoint {
namespace {

TensorSource one_tensor(const TempDir& dir, const std::string& name) {
    save_safetensors(dir / "a.safetensors", {{name, tensor_of({1}, DType::f32, raw_bytes(1.0f))}});
    return open_tensors(dir / "a.safetensors");
}

TEST(OpenTensors, GoesByContentNotByName) {
    const TempDir dir;
    one_tensor(dir, "x");
    std::filesystem::rename(dir / "a.safetensors", dir / "a.pth");
    EXPECT_TRUE(open_tensors(dir / "a.pth").contains("x"));
    write_file(dir / "index", R"( {"weight_map": {"x": "a.pth"}})");
    EXPECT_TRUE(open_tensors(dir / "index").contains("x"));
    const std::string pickle = PickleWriter().dict({{"y", "FloatStorage", "0", 1, 0, {1}, {1}}}).stop();
    write_zip(dir / "b.safetensors", {{"b/data.pkl", pickle}, {"b/data/0", raw_bytes(1.0f)}});
    EXPECT_TRUE(open_tensors(dir / "b.safetensors").contains("y"));
}

TEST(OpenTensors, EveryGoldenFile) {
    int opened = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(T3VIDEO_TEST_DATA "/golden")) {
        const auto extension = entry.path().extension();
        if (extension != ".safetensors" && extension != ".pth") continue;
        EXPECT_FALSE(open_tensors(entry.path()).tensors.empty()) << entry.path();
        ++opened;
    }
    EXPECT_GT(opened, 20);
}

// An unpadded header of 123 bytes makes the file begin with '{', as JSON does.
TEST(OpenTensors, HeaderLengthThatLooksLikeJson) {
    const TempDir dir;
    std::string header = R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
    header.resize('{', ' ');
    const auto path = write_file(dir / "a.safetensors", safetensors_file(header, "!"));
    ASSERT_EQ(read_file(path)[0], '{');
    EXPECT_EQ(open_tensors(path).at("x").data<uint8_t>()[0], '!');
}

TEST(OpenTensors, PathsThatAreNoFiles) {
    const TempDir dir;
    std::filesystem::create_directory(dir / "folder");
    expect_refused(dir / "folder", "is a folder; name a .safetensors, .safetensors.index.json or .pth file in it");
    expect_refused(dir / "absent.safetensors", "cannot be opened: No such file or directory");
}

TEST(TensorSource, NamesTheFileAndTheMissingTensor) {
    const TempDir dir;
    const TensorSource source = one_tensor(dir, "x");
    EXPECT_TRUE(source.contains("x"));
    EXPECT_FALSE(source.contains("y"));
    try {
        source.at("y");
        FAIL() << "found a tensor that is not there";
    } catch (const InvalidRequest& error) {
        EXPECT_EQ(error.what(), (dir / "a.safetensors").string() + ": tensor 'y' is missing");
    }
}

TEST(Rename, TranslatesAndKeepsWhatItDoesNotKnow) {
    const TempDir dir;
    save_safetensors(dir / "a.safetensors", {{"old", tensor_of({1}, DType::f32, raw_bytes(1.0f))},
                                             {"other", tensor_of({1}, DType::f32, raw_bytes(2.0f))}});
    const TensorSource source =
        rename(open_tensors(dir / "a.safetensors"), [](const std::string& name) { return name == "old" ? "new" : ""; });
    ASSERT_EQ(source.tensors.size(), 2u);
    EXPECT_EQ(source.at("new").data<float>()[0], 1.0f);
    EXPECT_EQ(source.at("other").data<float>()[0], 2.0f);
}

TEST(Rename, RefusesTwoTensorsOfOneName) {
    const TempDir dir;
    save_safetensors(dir / "a.safetensors", {{"a", tensor_of({1}, DType::f32, raw_bytes(1.0f))},
                                             {"b", tensor_of({1}, DType::f32, raw_bytes(2.0f))}});
    EXPECT_THROW(rename(open_tensors(dir / "a.safetensors"), [](const std::string&) { return "c"; }), InvalidRequest);
}

}  // namespace
}  // namespace t3video::checkpoint
