// Encoded clips: what is written comes back, whole shards only, and what is wrong is named.
#include "training/data/shards.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "checkpoint/tensor_source.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace t3video::training {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class Shards : public ::testing::Test {
  protected:
    EncodedClip clip(const std::string& key, uint32_t seed = 1) {
        return {{.key = key,
                 .file = key + ".mp4",
                 .captions = {"A \"ball\".\n", "Ein Ball."},
                 .width = 64,
                 .height = 32,
                 .frames = 5,
                 .fps = 16,
                 .repeats = 2},
                randn(ctx_, {4, 2, 4, 8}, seed),
                {randn(ctx_, {3, 6}, seed + 1, DType::bf16), randn(ctx_, {2, 6}, seed + 2, DType::bf16)}};
    }
    static void expect_same_bytes(const Tensor& found, const Tensor& expected) {
        ASSERT_EQ(found.shape(), expected.shape());
        EXPECT_EQ(std::memcmp(found.raw(), expected.raw(), expected.bytes()), 0);
    }
    static std::vector<fs::path> files(const fs::path& folder) {
        std::vector<fs::path> all{fs::directory_iterator(folder), {}};
        std::ranges::sort(all);
        return all;
    }

    Context ctx_;
    const TemporaryFolder temporary_;
    const fs::path folder_ = temporary_ / "clips";
    const Encoders encoders_{"vae", "t5", "tokens"};
    const Tensor empty_ = randn(ctx_, {1, 6}, 99, DType::bf16);
};

TEST_F(Shards, WhatIsWrittenComesBack) {
    {
        ShardWriter writer(folder_, encoders_, empty_, 1500);  // a clip takes 1084 bytes
        for (uint32_t i = 0; i < 3; ++i) writer.add(clip("clip" + std::to_string(i), 10 * i));
        EXPECT_EQ(files(folder_).size(), 1u);
        writer.finish();
    }
    EXPECT_EQ(files(folder_).size(), 2u);
    EXPECT_TRUE(is_shard(folder_ / "00001.safetensors"));
    EXPECT_FALSE(is_shard(folder_ / "00002.safetensors"));
    checkpoint::save_safetensors(temporary_ / "weights.safetensors", {{"x", empty_}});
    EXPECT_FALSE(is_shard(temporary_ / "weights.safetensors"));
    const ShardSet set(folder_);
    ASSERT_EQ(set.size(), 3u);
    EXPECT_EQ(set.encoders(), encoders_);
    for (uint32_t i = 0; i < 3; ++i) {
        const EncodedClip found = set.clip(i), expected = clip("clip" + std::to_string(i), 10 * i);
        EXPECT_EQ(found.notes.captions, expected.notes.captions);
        EXPECT_EQ(found.notes.file, expected.notes.file);
        EXPECT_EQ(found.notes.repeats, 2);
        EXPECT_EQ(set.latent_shape(i), Shape({4, 2, 4, 8}));
        EXPECT_TRUE(std::ranges::equal(found.latents.span<float>(), expected.latents.span<float>()));
        ASSERT_EQ(found.texts.size(), 2u);
        for (size_t k = 0; k < 2; ++k) expect_same_bytes(found.texts[k], expected.texts[k]);
    }
    expect_same_bytes(set.empty_text(), empty_);
}

// A run that failed before finish() leaves whole shards, and the next goes on behind them.
TEST_F(Shards, GoOnWhereTheyWere) {
    {
        ShardWriter writer(folder_, encoders_, empty_, 1);
        writer.add(clip("a"));
        ShardWriter unfinished(folder_, encoders_, empty_);
        unfinished.add(clip("lost"));
    }
    ShardWriter writer(folder_, encoders_, empty_, 1);
    EXPECT_TRUE(writer.has("a"));
    EXPECT_FALSE(writer.has("lost"));
    writer.add(clip("b"));
    EXPECT_EQ(ShardSet(folder_).size(), 2u);
    EXPECT_EQ(writer.clips(), 2);
}

TEST_F(Shards, RefusesWhatIsWrong) {
    expect_invalid([&] { ShardSet(temporary_ / "nothing"); }, {"no such folder"});
    fs::create_directory(folder_);
    expect_invalid([&] { ShardSet set(folder_); }, {"holds no encoded clips"});
    ShardWriter writer(folder_, encoders_, empty_, 1);
    EncodedClip bad = clip("bad");
    bad.latents.data<float>()[7] = NAN;
    expect_invalid([&] { writer.add(bad); }, {"the latents of 'bad.mp4'", "not numbers"});
    bad = clip("bad");
    bad.texts[1].data<bf16>()[5] = bf16(INFINITY);
    expect_invalid([&] { writer.add(bad); }, {"the texts of 'bad.mp4'", "not numbers"});
    bad.texts.pop_back();
    EXPECT_THROW(writer.add(bad), Error) << "a caption without a text";
    writer.add(clip("good"));
    expect_invalid([&] { ShardWriter(folder_, {"another", "t5", "tokens"}, empty_); }, {"another VAE made"});

    const fs::path second = folder_ / "00001.safetensors";
    fs::copy_file(folder_ / "00000.safetensors", second);
    expect_invalid([&] { ShardSet set(folder_); }, {second.string(), "'good.mp4'", "in another shard"});
    std::map<std::string, std::string> metadata = checkpoint::open_tensors(second).metadata;
    const EncodedClip other = clip("other");
    const Tensor &latents = other.latents, &one = other.texts[0], &two = other.texts[1];
    const auto refused = [&](const std::map<std::string, Tensor>& tensors, const std::string& says) {
        checkpoint::save_safetensors(second, tensors, metadata);
        expect_invalid([&] { ShardSet set(folder_); }, {second.string(), says});
    };
    const std::map<std::string, Tensor> whole{
        {"0.latents", latents}, {"0.text.0", one}, {"0.text.1", two}, {"empty", empty_}};
    const auto with = [&](const std::string& name, const Tensor& values) {
        auto tensors = whole;
        tensors[name] = values;
        return tensors;
    };
    refused({{"0.latents", latents}, {"0.text.0", one}, {"0.text.1", two}}, "no encoding of the empty text");
    refused({{"0.latents", latents}, {"empty", empty_}}, "describes other clips than it holds");
    refused(with("empty", latents), "has an empty text of f32 [4, 2, 4, 8]");
    refused(with("0.latents", one), "has latents of bf16 [3, 6]");
    refused(with("0.text.1", latents), "has text of f32 [4, 2, 4, 8]");
    refused(with("0.text.1", randn(ctx_, {2, 7}, 1, DType::bf16)), "has text of bf16 [2, 7], expected bf16 [rows, 6]");
    for (const char* captions : {"3", "[]", "[3]"}) {
        metadata["t3video_clips"] = concat(R"([{"key": "x", "file": "x", "captions": )", captions, "}]");
        refused(whole, "without fitting 'captions'");
    }
    metadata["t3video_clips"] = "{}";
    refused(whole, "is no list");
    metadata["t3video_vae"] = "other";
    refused(whole, "other networks than the shards before it");
    metadata.erase("t3video_vae");
    refused(whole, "is no shard of encoded clips");
    std::ofstream(second) << "{";
    EXPECT_THROW(ShardSet set(folder_), InvalidRequest);
}

// Damage behind the header shows when the clip is asked for.
TEST_F(Shards, NamesAClipThatIsNotFinite) {
    ShardWriter(folder_, encoders_, empty_, 1).add(clip("good"));
    const fs::path file = folder_ / "00000.safetensors";
    const auto metadata = checkpoint::open_tensors(file).metadata;
    EncodedClip bad = clip("good");
    bad.latents.data<float>()[0] = INFINITY;
    checkpoint::save_safetensors(
        file, {{"0.latents", bad.latents}, {"0.text.0", bad.texts[0]}, {"0.text.1", bad.texts[1]}, {"empty", empty_}},
        metadata);
    const ShardSet set(folder_);
    expect_invalid([&] { set.clip(0); }, {file.string(), "'good.mp4'"});
}

}  // namespace
}  // namespace t3video::training
