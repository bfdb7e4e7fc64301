// Encoded clips: what is written comes back, whole shards only, and what is wrong is named.
#include "training/data/shards.h"

#include <gtest/gtest.h>

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
                 .caption = "A \"ball\".\n",
                 .width = 64,
                 .height = 32,
                 .frames = 5,
                 .fps = 16,
                 .repeats = 2},
                randn(ctx_, {4, 2, 4, 8}, seed),
                randn(ctx_, {3, 6}, seed + 1, DType::bf16)};
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
};

TEST_F(Shards, WhatIsWrittenComesBack) {
    {
        ShardWriter writer(folder_, encoders_, 1500);  // a clip takes 1060 bytes
        for (uint32_t i = 0; i < 3; ++i) writer.add(clip("clip" + std::to_string(i), 10 * i));
        EXPECT_EQ(files(folder_).size(), 1u);
        writer.finish();
    }
    EXPECT_EQ(files(folder_).size(), 2u);
    const ShardSet set(folder_);
    ASSERT_EQ(set.size(), 3u);
    EXPECT_EQ(set.encoders(), encoders_);
    for (uint32_t i = 0; i < 3; ++i) {
        const EncodedClip found = set.clip(i), expected = clip("clip" + std::to_string(i), 10 * i);
        EXPECT_EQ(found.notes.caption, expected.notes.caption);
        EXPECT_EQ(found.notes.file, expected.notes.file);
        EXPECT_EQ(found.notes.repeats, 2);
        EXPECT_EQ(set.latent_shape(i), Shape({4, 2, 4, 8}));
        EXPECT_TRUE(std::ranges::equal(found.latents.span<float>(), expected.latents.span<float>()));
        EXPECT_EQ(std::memcmp(found.text.raw(), expected.text.raw(), expected.text.bytes()), 0);
    }
}

// A run that failed before finish() leaves whole shards, and the next goes on behind them.
TEST_F(Shards, GoOnWhereTheyWere) {
    {
        ShardWriter writer(folder_, encoders_, 1);
        writer.add(clip("a"));
        ShardWriter unfinished(folder_, encoders_);
        unfinished.add(clip("lost"));
    }
    ShardWriter writer(folder_, encoders_, 1);
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
    ShardWriter writer(folder_, encoders_, 1);
    EncodedClip bad = clip("bad");
    bad.latents.data<float>()[7] = NAN;
    expect_invalid([&] { writer.add(bad); }, {"'bad.mp4'", "not numbers"});
    writer.add(clip("good"));
    expect_invalid([&] { ShardWriter(folder_, {"another", "t5", "tokens"}); }, {"another VAE or text encoder"});

    const fs::path second = folder_ / "00001.safetensors";
    fs::copy_file(folder_ / "00000.safetensors", second);
    expect_invalid([&] { ShardSet set(folder_); }, {second.string(), "'good.mp4'", "in another shard"});
    std::map<std::string, std::string> metadata = checkpoint::open_tensors(second).metadata;
    const EncodedClip other = clip("other");
    const auto write = [&](const std::map<std::string, Tensor>& tensors) {
        checkpoint::save_safetensors(second, tensors, metadata);
    };
    write({{"0.latents", other.latents}});
    expect_invalid([&] { ShardSet set(folder_); }, {"describes other clips than it holds"});
    write({{"0.latents", other.text}, {"0.text", other.text}});
    expect_invalid([&] { ShardSet set(folder_); }, {"has latents of bf16 [3, 6]"});
    metadata["t3video_clips"] = R"([{"key": "x", "file": "x", "caption": 3}])";
    write({{"0.latents", other.latents}, {"0.text", other.text}});
    expect_invalid([&] { ShardSet set(folder_); }, {"without a fitting 'caption'"});
    metadata["t3video_vae"] = "other";
    write({{"0.latents", other.latents}, {"0.text", other.text}});
    expect_invalid([&] { ShardSet set(folder_); }, {"other networks than the shards before it"});
    metadata.erase("t3video_vae");
    write({{"0.latents", other.latents}, {"0.text", other.text}});
    expect_invalid([&] { ShardSet set(folder_); }, {"is no shard of encoded clips"});
    std::ofstream(second) << "{";
    EXPECT_THROW(ShardSet set(folder_), InvalidRequest);
}

// Damage behind the header shows when the clip is asked for.
TEST_F(Shards, NamesAClipThatIsNotFinite) {
    ShardWriter(folder_, encoders_, 1).add(clip("good"));
    const fs::path file = folder_ / "00000.safetensors";
    const auto metadata = checkpoint::open_tensors(file).metadata;
    EncodedClip bad = clip("good");
    bad.latents.data<float>()[0] = INFINITY;
    checkpoint::save_safetensors(file, {{"0.latents", bad.latents}, {"0.text", bad.text}}, metadata);
    const ShardSet set(folder_);
    expect_invalid([&] { set.clip(0); }, {file.string(), "'good.mp4'"});
}

}  // namespace
}  // namespace t3video::training
