// Weights in several files without an index.
#include "checkpoint/shards.h"

#include <gtest/gtest.h>

#include "checkpoint/tensor_source.h"
#include "support/errors.h"
#include "support/files.h"
#include "tensor/tensor.h"

namespace t3video::checkpoint {
namespace {

using testing::expect_invalid;
using testing::TemporaryFolder;

Tensor number(float value) {
    Context ctx;
    return from_span(ctx, {&value, 1}, {1});
}

TEST(Shards, AreToldByTheirNames) {
    const auto name = shard_name_of("model.fp16-00002-of-00013.safetensors");
    ASSERT_TRUE(name);
    EXPECT_EQ(name->number, 2);
    EXPECT_EQ(name->of, 13);
    EXPECT_EQ(name->before, "model.fp16");
    EXPECT_EQ(name->after, ".safetensors");
    EXPECT_EQ(shard_name_of("model-00001-of-00002.fp16.bin")->after, ".fp16.bin");
    for (const char* whole :
         {"model.safetensors", "one-of-two.safetensors", "a-0001-of-0002.x", "a00001-of-00002.x", "-of-",
          "a-00003-of-00002.x", "a-00000-of-00002.x", "a-00001-of-0000", "a-0000x-of-00002"})
        EXPECT_FALSE(shard_name_of(whole)) << whole;
}

TEST(Shards, AreOpenedTogether) {
    const TemporaryFolder folder;
    const auto at = [&](const char* part) {
        return folder / (std::string("model-0000") + part + "-of-00003.safetensors");
    };
    save_safetensors(at("1"), {{"a", number(1)}});
    save_safetensors(at("3"), {{"c", number(3)}});
    expect_invalid([&] { open_tensors(at("1")); },
                   {at("1").string(), "these of its 3 parts are missing: model-00002-of-00003"});
    save_safetensors(at("2"), {{"b", number(2)}});
    for (const char* part : {"1", "2", "3"}) {
        const TensorSource source = open_tensors(at(part));
        EXPECT_EQ(source.tensors.size(), 3u);
        EXPECT_EQ(source.at("c").span<float>()[0], 3);
        EXPECT_EQ(source.tensors.at("b").file, at("2"));
        EXPECT_EQ(files_of(at(part)).size(), 3u);
    }
    save_safetensors(at("2"), {{"a", number(2)}});
    expect_invalid([&] { open_tensors(at("1")); }, {at("2").string(), "tensor 'a' is in an earlier part too"});
}

// An index may name torch's files, as diffusion_pytorch_model.bin.index.json does.
TEST(Shards, OfTorchUnderAnIndex) {
    const TemporaryFolder folder;
    std::filesystem::copy_file(T3VIDEO_TEST_DATA "/golden/wan21-tiny/model/Wan2.1_VAE.pth", folder / "x.bin");
    const TensorSource whole = open_tensors(folder / "x.bin");
    const std::string name = whole.tensors.begin()->first;
    const auto index =
        testing::write_file(folder / "x.bin.index.json", R"({"weight_map": {")" + name + R"(": "x.bin"}})");
    const TensorSource source = open_tensors(index);
    ASSERT_EQ(source.tensors.size(), 1u);
    EXPECT_EQ(source.at(name).shape(), whole.at(name).shape());
}

}  // namespace
}  // namespace t3video::checkpoint
