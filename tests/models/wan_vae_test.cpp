// The Wan VAEs: golden videos, streaming against the whole, the real models' tensor names, and what users get wrong.
#include "models/wan_vae/wan_vae.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "checkpoint/tensor_source.h"
#include "models/video_axes.h"
#include "support/files.h"
#include "support/tensors.h"
#include "whole_video.h"

namespace t3video::models {
namespace {

using namespace t3video::testing;

const std::filesystem::path kData = T3VIDEO_TEST_DATA;
const std::filesystem::path kGolden = kData / "golden";

struct GoldenVae {
    const char *folder, *file;
    VaeVersion version;
};

const GoldenVae kWan21{"wan21-tiny", "Wan2.1_VAE.pth", VaeVersion::wan21};
const GoldenVae kWan22{"wan22-tiny", "Wan2.2_VAE.pth", VaeVersion::wan22};

WanVae load(const GoldenVae& golden) {
    return WanVae::load(kGolden / golden.folder / "model" / golden.file);
}

checkpoint::TensorSource cases(const GoldenVae& golden) {
    return checkpoint::open_tensors(kGolden / golden.folder / "cases" / "vae.safetensors");
}

// The video [frames, H, W, 3] of a latent.
Tensor decode(Context& ctx, const WanVae& vae, const Tensor& latent, int64_t band_rows = 0) {
    return decoded_whole(ctx, vae, latent, vae.config().stride_t(), vae.config().stride_hw(), band_rows);
}

class GoldenWanVae : public ::testing::TestWithParam<GoldenVae> {};
INSTANTIATE_TEST_SUITE_P(Models, GoldenWanVae, ::testing::Values(kWan21, kWan22),
                         [](const auto& c) { return c.param.version == VaeVersion::wan21 ? "wan21" : "wan22"; });

TEST_P(GoldenWanVae, SizesComeFromTheTensors) {
    const VaeConfig config = load(GetParam()).config();
    const bool wan22 = GetParam().version == VaeVersion::wan22;
    EXPECT_EQ(config.version, GetParam().version);
    EXPECT_EQ(config.z, wan22 ? 48 : 16);
    EXPECT_EQ(config.stride_t(), 4);
    EXPECT_EQ(config.stride_hw(), wan22 ? 16 : 8);
    EXPECT_EQ(config.encoder.stages.size(), 4u);
    EXPECT_EQ(config.decoder.stages.size(), 4u);
}

TEST_P(GoldenWanVae, DecodesTheGoldenLatent) {
    Context ctx;
    const checkpoint::TensorSource golden = cases(GetParam());
    const Tensor frames = decode(ctx, load(GetParam()), without_batch(golden.at("latents")));
    EXPECT_LT(relative_error(channels_first(ctx, frames), golden.at("decoded")), 1e-5);
}

TEST_P(GoldenWanVae, EncodesTheGoldenVideo) {
    Context ctx;
    const checkpoint::TensorSource golden = cases(GetParam());
    const Tensor video = channels_last(ctx, without_batch(golden.at("video")));
    EXPECT_LT(relative_error(load(GetParam()).encode(ctx, video), golden.at("encoded")), 1e-5);
}

// Causality: the beginning of a video does not depend on what follows.
TEST_P(GoldenWanVae, OneLatentFrameGivesTheFirstFrame) {
    Context ctx;
    const checkpoint::TensorSource golden = cases(GetParam());
    const WanVae vae = load(GetParam());
    const Tensor latents = channels_last(ctx, without_batch(golden.at("latents")));
    const Tensor first = decode(ctx, vae, channels_first(ctx, latents.slice(0, 1)));
    const Tensor decoded = channels_last(ctx, without_batch(golden.at("decoded")));
    EXPECT_LT(relative_error(first, decoded.slice(0, 1)), 1e-5);

    const Tensor video = channels_last(ctx, without_batch(golden.at("video")));
    const Tensor encoded = channels_last(ctx, without_batch(golden.at("encoded")));
    const Tensor image = channels_last(ctx, vae.encode(ctx, video.slice(0, 1)));
    EXPECT_LT(relative_error(image, encoded.slice(0, 1)), 1e-5);
}

// Gives the half of another model the same weights.
template <class Half>
void copy_weights(WanVae& from, const std::string& prefix, Half& to) {
    std::map<std::string, Stored> weights;
    from.for_each_param("", [&](const std::string& name, const nn::Param& param) { weights[name] = param.value; });
    to.for_each_param(prefix, [&](const std::string& name, nn::Param& param) { param.value = weights.at(name); });
}

// Convolutions prepared once are those that are prepared for every call.
TEST_P(GoldenWanVae, PreparedHalvesGiveTheSameBits) {
    Context ctx;
    const checkpoint::TensorSource golden = cases(GetParam());
    const WanVae vae = load(GetParam());
    const auto packed = [&](WanVae::Half half) { return nn::prepared(ctx, vae, nn::Residency::packed, half); };
    const Tensor latents = without_batch(golden.at("latents")), frames = decode(ctx, vae, latents);
    EXPECT_EQ(relative_error(decode(ctx, packed(WanVae::Half::decoder), latents), frames), 0);
    EXPECT_EQ(relative_error(packed(WanVae::Half::encoder).encode(ctx, frames), vae.encode(ctx, frames)), 0);
}

// The released sizes' shapes at a quarter of the widths, as lightvaew2_1 has them, and at odd ones.
TEST(WanVae, LoadsAnyWidth) {
    Context ctx;
    TemporaryFolder folder;
    for (const int64_t base : {24, 5}) {
        const auto stage = [&](int64_t factor, int64_t blocks, bool space, bool time, int64_t out) {
            return VaeStage{factor * base, blocks, space, time, out * base};
        };
        VaeConfig sizes{.version = VaeVersion::wan21, .z = 16};
        sizes.encoder = {base,
                         {stage(1, 2, true, false, 1), stage(2, 2, true, true, 2), stage(4, 2, true, true, 4),
                          stage(4, 2, false, false, 4)}};
        sizes.decoder = {4 * base,
                         {stage(4, 3, true, true, 2), stage(4, 3, true, true, 2), stage(2, 3, true, false, 1),
                          stage(1, 3, false, false, 1)}};
        WanVae made(sizes);
        std::map<std::string, Tensor> tensors;
        uint32_t seed = 1;
        made.for_each_param("", [&](const std::string& name, nn::Param& param) {
            param.value = tensors[name] = randn(ctx, param.shape, seed++);
        });
        checkpoint::save_safetensors(folder / "lightvaew2_1.safetensors", tensors);
        const WanVae vae = WanVae::load(folder / "lightvaew2_1.safetensors");
        EXPECT_EQ(vae.config().encoder.base, base);
        EXPECT_EQ(vae.config().decoder.base, 4 * base);
        EXPECT_EQ(vae.config().stride_hw(), 8);
        const Tensor latent = randn(ctx, {16, 2, 2, 3}, 7), video = decode(ctx, vae, latent);
        EXPECT_EQ(relative_error(video, decode(ctx, made, latent)), 0);
        EXPECT_EQ(vae.encode(ctx, video).shape(), latent.shape());
    }
}

TEST_P(GoldenWanVae, EncoderInChunksEqualsTheWhole) {
    Context ctx;
    WanVae vae = load(GetParam());
    Encoder encoder(vae.config());
    copy_weights(vae, "encoder.", encoder);
    const Tensor video = randn(ctx, {17, 32, 48, 3}, 5);
    Encoder::History whole_history;
    const Tensor whole = encoder.forward(ctx, video, whole_history);
    EXPECT_EQ(whole.dim(0), 5);
    for (const std::vector<int64_t>& chunks : {std::vector<int64_t>{1, 4, 4, 4, 4}, {5, 8, 4}}) {
        Encoder::History history;
        std::vector<Tensor> parts;
        int64_t first = 0;
        for (const int64_t count : chunks) {
            parts.push_back(encoder.forward(ctx, video.slice(first, first + count), history));
            first += count;
        }
        EXPECT_LT(relative_error(ops::concat(ctx, parts), whole), 1e-6);
    }
}

TEST_P(GoldenWanVae, DecoderInChunksEqualsTheWhole) {
    Context ctx;
    WanVae vae = load(GetParam());
    Decoder decoder(vae.config());
    copy_weights(vae, "decoder.", decoder);
    const Tensor latent = randn(ctx, {5, 4, 6, vae.config().z}, 5);
    const auto frames_of = [&](const std::vector<int64_t>& chunks) {
        Decoder::History history;
        std::vector<Tensor> frames;
        int64_t first = 0;
        for (const int64_t count : chunks) {
            decoder.forward(ctx, latent.slice(first, first + count), history,
                            [&](const Tensor& x) { frames.push_back(x); });
            first += count;
        }
        return ops::concat(ctx, frames);
    };
    const Tensor whole = frames_of({5});
    EXPECT_EQ(whole.shape(), (Shape{17, 4 * vae.config().stride_hw(), 6 * vae.config().stride_hw(), 3}));
    EXPECT_LT(relative_error(frames_of({1, 1, 1, 1, 1}), whole), 1e-6);
    EXPECT_LT(relative_error(frames_of({2, 3}), whole), 1e-6);
}

// Every edge of every band, in runs of one frame and of several: latents of odd heights down to one row, bands of two
// latent rows up to all but one.
TEST_P(GoldenWanVae, DecodesTheSameInBands) {
    Context ctx;
    const WanVae vae = load(GetParam());
    const int64_t cell = vae.config().stride_hw();
    struct {
        int64_t frames, rows, columns;
        std::vector<int64_t> band_rows;  // of the latent
    } cases[] = {{1, 1, 2, {1}},      {2, 15, 3, {1, 2}},       {3, 21, 2, {1, 3, 8}},
                 {4, 26, 1, {5, 12}}, {5, 45, 2, {14, 31, 44}}, {2, 33, 40, {1, 16}}};
    for (const auto& c : cases) {
        const Tensor latent = randn(ctx, {vae.config().z, c.frames, c.rows, c.columns}, 5);
        const Tensor whole = decode(ctx, vae, latent);
        for (const int64_t rows : c.band_rows) {
            EXPECT_LT(relative_error(decode(ctx, vae, latent, rows * cell), whole), 1e-6)
                << c.frames << " latent frames of " << c.rows << " rows in bands of " << rows;
        }
    }
}

TEST_P(GoldenWanVae, DecodesTheGoldenLatentInBands) {
    Context ctx;
    const checkpoint::TensorSource golden = cases(GetParam());
    const Tensor frames = decode(ctx, load(GetParam()), without_batch(golden.at("latents")), 1);
    EXPECT_LT(relative_error(channels_first(ctx, frames), golden.at("decoded")), 1e-5);
}

TEST(WanVae, LoadsTheDiffusersLayout) {
    Context ctx;
    const WanVae vae = WanVae::load(kGolden / "diffusers-tiny/model/vae/diffusion_pytorch_model.safetensors");
    const auto golden = checkpoint::open_tensors(kGolden / "diffusers-tiny/cases/pipeline.safetensors");
    Tensor frames = decode(ctx, vae, without_batch(golden.at("latents")));  // [9, H, W, 3]
    for (float& value : frames.span<float>()) value = std::clamp((value + 1) / 2, 0.0f, 1.0f);
    const Tensor expected = without_batch(golden.at("frames"));  // [9, 3, H, W]
    ASSERT_EQ(expected.dim(0), frames.dim(0));
    for (int64_t t = 0; t < frames.dim(0); ++t) {
        EXPECT_LT(relative_error(channels_first(ctx, frames.slice(t, t + 1)), expected.slice(t, t + 1)), 1e-5);
    }
}

TensorShapes manifest(const std::string& file) {
    std::ifstream in(kData / "manifests" / file);
    TensorShapes shapes;
    const nlohmann::json tensors = nlohmann::json::parse(in);
    for (const auto& [name, extents] : tensors.items()) {
        shapes.emplace(name, Shape(extents.get<std::vector<int64_t>>()));
    }
    return shapes;
}

struct RealVae {
    const char* name;
    VaeVersion version;
    int64_t parameters;
};

class RealWanVae : public ::testing::TestWithParam<RealVae> {
  protected:
    std::string file(const char* layout) const { return concat(GetParam().name, ".vae.", layout, ".json"); }
};
INSTANTIATE_TEST_SUITE_P(Models, RealWanVae,
                         ::testing::Values(RealVae{"wan2.1", VaeVersion::wan21, 126'892'531},
                                           RealVae{"wan2.2", VaeVersion::wan22, 704'688'668}),
                         [](const auto& c) { return c.param.version == VaeVersion::wan21 ? "wan21" : "wan22"; });

TEST_P(RealWanVae, EveryTensorOfTheCheckpointHasItsPlace) {
    const TensorShapes shapes = manifest(file("official"));
    WanVae vae(infer_vae_config(shapes, "vae.pth"));
    EXPECT_EQ(vae.config().version, GetParam().version);
    EXPECT_EQ(vae.parameters(), GetParam().parameters);
    TensorShapes expected;
    vae.for_each_param("",
                       [&](const std::string& name, const nn::Param& param) { expected.emplace(name, param.shape); });
    EXPECT_EQ(expected, shapes);
}

TEST_P(RealWanVae, DiffusersNamesTranslate) {
    const TensorShapes shapes = manifest(file("diffusers"));
    const HasTensor has = [&](const std::string& name) { return shapes.contains(name); };
    EXPECT_TRUE(is_diffusers_vae(has));
    EXPECT_EQ(diffusers_vae_version(has), GetParam().version);
    TensorShapes renamed;
    for (const auto& [name, shape] : shapes) renamed.emplace(official_vae_name(name, GetParam().version), shape);
    EXPECT_EQ(renamed, manifest(file("official")));
}

TEST(WanVae, UnknownDiffusersNamesStayUntranslated) {
    for (const char* name : {"decoder.up_blocks.x.resnets.0.conv1.weight", "decoder.up_blocks.0.strange.weight",
                             "encoder.time_embed.weight", "blocks.0.weight", "encoder.", ""}) {
        EXPECT_EQ(official_vae_name(name, VaeVersion::wan21), "") << name;
    }
}

template <class F>
void expect_invalid(F&& f, const std::string& part) {
    try {
        f();
        ADD_FAILURE() << "accepted, expected: " << part;
    } catch (const InvalidRequest& error) {
        const std::string message = error.what();
        EXPECT_NE(message.find(part), std::string::npos) << message;
        EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
}

TEST(WanVae, RejectsOtherModels) {
    const auto dit = kGolden / "wan21-tiny/model/diffusion_pytorch_model.safetensors";
    expect_invalid([&] { WanVae::load(dit); }, dit.string() + ": not a Wan VAE: tensor 'conv2.weight' is missing");
    const auto diffusers_dit = kGolden / "diffusers-tiny/model/transformer/diffusion_pytorch_model.safetensors";
    expect_invalid([&] { WanVae::load(diffusers_dit); }, "not a Wan VAE");
}

TEST(WanVae, RejectsHalvesThatDoNotFit) {
    TensorShapes shapes = manifest("wan2.1.vae.official.json");
    shapes.erase("decoder.upsamples.7.time_conv.weight");
    expect_invalid([&] { infer_vae_config(shapes, "vae.pth"); }, "time by 4, the decoder multiplies by 8 and 2");
    shapes.at("conv2.weight") = Shape{16, 16};
    expect_invalid([&] { infer_vae_config(shapes, "vae.pth"); },
                   "'conv2.weight' has shape [16, 16], expected 5 dimensions");
}

TEST(WanVae, RejectsSizesThatItCannotEncode) {
    Context ctx;
    const WanVae wan21 = load(kWan21), wan22 = load(kWan22);
    expect_invalid([&] { wan21.encode(ctx, zeros(ctx, {8, 16, 16, 3})); }, "1 + 4k frames, found 8; use 5 or 9");
    expect_invalid(
        [&] {
            wan21.encode(ctx, zeros(ctx, {5, 20, 16, 3}));
        },
        "sides that 8 divides, found 16x20; use 16x16");
    expect_invalid(
        [&] {
            wan22.encode(ctx, zeros(ctx, {5, 24, 32, 3}));
        },
        "sides that 16 divides, found 32x24; use 32x16");
    expect_invalid([&] { wan21.encode(ctx, zeros(ctx, {5, 16, 16, 4})); }, "[frames, H, W, 3]");
    expect_invalid(
        [&] {
            wan21.decode(ctx, zeros(ctx, {48, 1, 2, 2}), [](const Tensor&, int64_t, int64_t) {});
        },
        "latent [48, 1, 2, 2]: the VAE decodes [16, frames, rows, columns]");
}

TEST(WanVae, NeedsKnownLatentStatistics) {
    Context ctx;
    VaeConfig config = load(kWan21).config();
    config.z = 4;
    expect_invalid(
        [&] {
            WanVae(config).decode(ctx, zeros(ctx, {4, 1, 2, 2}), [](const Tensor&, int64_t, int64_t) {});
        },
        "4 latent channels");
}

}  // namespace
}  // namespace t3video::models
