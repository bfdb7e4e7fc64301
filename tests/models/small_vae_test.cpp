// Small autoencoders: golden videos, the definition at odd sizes, frames one by one against several at once, bands, the
// scale of latents, and what users get wrong.
#include "models/small_vae/small_vae.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "models/video_axes.h"
#include "models/wan_vae/latent_stats.h"
#include "small_reference.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/small_decoders.h"
#include "whole_video.h"

namespace t3video::models {
namespace {

using namespace t3video::testing;

const std::filesystem::path kGolden = std::filesystem::path(T3VIDEO_TEST_DATA) / "golden" / "small-decoders";

// The video [3, frames, H, W] about 0..1.
Tensor decode(Context& ctx, const SmallVae& vae, const Tensor& latent, int64_t band_rows = 0) {
    Tensor video = decoded_whole(ctx, vae, latent, SmallVaeConfig::kFrames, vae.config().cell(), band_rows);
    for (float& v : video.span<float>()) v = (v + 1) / 2;
    return channels_first(ctx, video);
}

// video: [3, F, H, W] in 0..1
Tensor encode(Context& ctx, const SmallVae& vae, const Tensor& video) {
    Tensor frames = channels_last(ctx, video);
    for (float& v : frames.span<float>()) v = 2 * v - 1;
    return vae.encode(ctx, frames.dim(0), frames.dim(1), frames.dim(2),
                      [&](int64_t first, int64_t count) { return frames.slice(first, first + count); });
}

// The upper left corner of each frame of x, [3, frames, H, W].
std::vector<double> corner(const Tensor& x, int64_t height, int64_t width) {
    std::vector<double> values;
    for (int64_t i = 0; i < x.numel(); ++i) {
        if (i % x.dim(3) < width && i / x.dim(3) % x.dim(2) < height) values.push_back(x.data<float>()[i]);
    }
    return values;
}

class GoldenSmallVae : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, GoldenSmallVae, ::testing::Values("taew2_1", "taew2_2_super"));

TEST_P(GoldenSmallVae, DecodesTheGoldenLatent) {
    Context ctx;
    const std::string name = GetParam();
    const SmallVae vae = SmallVae::load(kGolden / (name + ".safetensors"));
    const checkpoint::TensorSource golden = checkpoint::open_tensors(kGolden / (name + ".case.safetensors"));
    const Tensor latents = without_batch(golden.at("latents"));
    const Tensor& expected = golden.at("unclamped");
    const std::vector<double> frames = corner(decode(ctx, vae, latents), expected.dim(3), expected.dim(4));
    EXPECT_LT(relative_error(expected, frames), 1e-5);
    EXPECT_EQ(vae.scale(), LatentScale::normalised);
    EXPECT_EQ(vae.config().wide_kernels, name == "taew2_2_super");
    EXPECT_EQ(vae.config().cell(), name == "taew2_1" ? 8 : 16);
}

TEST(SmallVae, EncodesTheGoldenVideo) {
    Context ctx;
    const SmallVae vae = SmallVae::load(kGolden / "taew2_1.safetensors");
    const checkpoint::TensorSource golden = checkpoint::open_tensors(kGolden / "taew2_1.case.safetensors");
    EXPECT_LT(relative_error(encode(ctx, vae, without_batch(golden.at("video"))), golden.at("encoded")), 1e-5);
}

// --- the definition -------------------------------------------------------------------------------------------------

struct Form {
    bool wide;
    int64_t patch, z;
    bool operator==(const Form&) const = default;
};

// [C, T, H, W] -> planes
Frames frames_of(const Tensor& x) {
    Frames frames;
    const int64_t pixels = x.dim(2) * x.dim(3);
    for (int64_t t = 0; t < x.dim(1); ++t) {
        Plane& plane = frames.emplace_back(x.dim(0), x.dim(2), x.dim(3));
        for (int64_t i = 0; i < x.dim(0) * pixels; ++i)
            plane.values[static_cast<size_t>(i)] = x.data<float>()[(i / pixels * x.dim(1) + t) * pixels + i % pixels];
    }
    return frames;
}
std::vector<double> channels_first_of(const Frames& frames) {
    std::vector<double> values;
    for (int64_t c = 0; c < frames[0].c; ++c) {
        for (const Plane& plane : frames) {
            const int64_t pixels = plane.h * plane.w;
            values.insert(values.end(), plane.values.begin() + c * pixels, plane.values.begin() + (c + 1) * pixels);
        }
    }
    return values;
}

class SmallVaeForms : public ::testing::TestWithParam<Form> {
  protected:
    SmallVaeForms()
        : config(small_sizes(GetParam().wide, GetParam().patch, GetParam().z)), tensors(small_tensors(ctx, config)) {
        checkpoint::save_safetensors(file, tensors);
    }

    SmallReference reference() {
        std::map<std::string, Tensor> numbers;
        for (const auto& [name, x] : tensors) numbers[name] = ops::convert(ctx, x, DType::f32);
        return SmallReference(numbers);
    }

    Context ctx;
    TemporaryFolder folder;
    std::filesystem::path file = folder / "decoder.safetensors";
    SmallVaeConfig config;
    std::map<std::string, Tensor> tensors;
};
INSTANTIATE_TEST_SUITE_P(Forms, SmallVaeForms,
                         ::testing::Values(Form{false, 1, 16}, Form{false, 2, 9}, Form{true, 2, 48}, Form{true, 1, 4}),
                         [](const auto& c) {
                             return concat(c.param.wide ? "wide" : "plain", c.param.patch, "of", c.param.z);
                         });

TEST_P(SmallVaeForms, DecodesByTheDefinition) {
    const SmallVae vae = SmallVae::load(file);
    EXPECT_EQ(vae.config().grown, config.grown);
    for (const Shape& shape : {Shape{config.z, 1, 1, 1}, {config.z, 2, 3, 1}, {config.z, 3, 1, 5}}) {
        SCOPED_TRACE(shape);
        const Tensor latent = randn(ctx, shape, 7);
        EXPECT_LT(
            relative_error(decode(ctx, vae, latent), channels_first_of(reference().decode(config, frames_of(latent)))),
            1e-5);
    }
}

TEST_P(SmallVaeForms, EncodesByTheDefinition) {
    const SmallVae vae = SmallVae::load(file);
    const int64_t cell = config.cell();
    for (const Shape& shape : {Shape{3, 1, cell, cell}, {3, 4, 3 * cell, cell}, {3, 10, cell, 3 * cell}}) {
        SCOPED_TRACE(shape);
        const Tensor video = randn(ctx, shape, 7), encoded = encode(ctx, vae, video);
        EXPECT_EQ(encoded.shape(), (Shape{config.z, (shape[1] + 3) / 4, shape[2] / cell, shape[3] / cell}));
        EXPECT_LT(relative_error(encoded, channels_first_of(reference().encode(config, frames_of(video)))), 1e-5);
    }
}

// A small latent passes through the first stages several frames at a time, a large one frame by frame: what is the same
// in the middle of both is the same.
TEST_P(SmallVaeForms, SeveralFramesAtOnceGiveWhatOneGives) {
    const SmallVae vae = SmallVae::load(file);
    const int64_t reach = 20, side = 2 * reach + 3, rows = 2, wide = 1100;
    const Tensor small = randn(ctx, {config.z, 4, rows, side}, 7);
    Tensor large = zeros(ctx, {config.z, 4, rows, wide});
    ASSERT_GE(frames_at_once(Device::cpu, rows, side), 4);
    ASSERT_EQ(frames_at_once(Device::cpu, rows, wide), 3);
    for (int64_t line = 0; line < config.z * 4 * rows; ++line)
        std::ranges::copy(small.span<float>().subspan(static_cast<size_t>(line * side), static_cast<size_t>(side)),
                          large.data<float>() + line * wide);
    const Tensor a = decode(ctx, vae, small), b = decode(ctx, vae, large);
    const int64_t columns = (side - reach) * config.cell();
    Tensor of_a = empty(ctx, {3 * a.dim(1) * a.dim(2), columns}), of_b = empty_like(ctx, of_a);
    for (int64_t line = 0; line < of_a.dim(0); ++line) {
        std::copy_n(a.data<float>() + line * a.dim(3), columns, of_a.data<float>() + line * columns);
        std::copy_n(b.data<float>() + line * b.dim(3), columns, of_b.data<float>() + line * columns);
    }
    EXPECT_LT(relative_error(of_a, of_b), 1e-5);
}

TEST_P(SmallVaeForms, DecodesTheSameInBands) {
    const SmallVae vae = nn::prepared(ctx, SmallVae::load(file), nn::Residency::packed, WanVae::Half::decoder);
    const int64_t cell = config.cell();
    for (const auto& [rows, bands] : {std::pair<int64_t, std::vector<int64_t>>{1, {1}}, {7, {3}}, {45, {14, 44}}}) {
        const Tensor latent = randn(ctx, {config.z, 2, rows, 1}, 3), whole = decode(ctx, vae, latent);
        for (const int64_t band : bands) {
            SCOPED_TRACE(concat(rows, " rows, bands of ", band));
            EXPECT_LT(relative_error(decode(ctx, vae, latent, band * cell - cell + 1), whole), 1e-5);
        }
    }
}

TEST_P(SmallVaeForms, PreparedOnceGivesTheSameBits) {
    const SmallVae vae = SmallVae::load(file);
    const Tensor latent = randn(ctx, {config.z, 2, 3, 5}, 3), video = decode(ctx, vae, latent);
    const auto packed = [&](WanVae::Half half) { return nn::prepared(ctx, vae, nn::Residency::packed, half); };
    EXPECT_EQ(relative_error(decode(ctx, packed(WanVae::Half::decoder), latent), video), 0);
    EXPECT_EQ(relative_error(encode(ctx, packed(WanVae::Half::encoder), video), encode(ctx, vae, video)), 0);
}

TEST_P(SmallVaeForms, AFileWithoutAnEncoderDecodes) {
    std::erase_if(tensors, [](const auto& entry) { return entry.first.starts_with("encoder."); });
    checkpoint::save_safetensors(folder / "alone.safetensors", tensors);
    const SmallVae alone = SmallVae::load(folder / "alone.safetensors"), whole = SmallVae::load(file);
    const Tensor latent = randn(ctx, {config.z, 2, 2, 2}, 3), video = decode(ctx, whole, latent);
    EXPECT_EQ(relative_error(decode(ctx, alone, latent), video), 0);
    expect_invalid([&] { encode(ctx, alone, video); }, {"holds a decoder alone"});
}

// --- the scale of latents -------------------------------------------------------------------------------------------

TEST(SmallVaeScale, IsToldByTheNameOrByTheUser) {
    EXPECT_EQ(latent_scale_of("/models/taew2_1.pth"), LatentScale::normalised);
    EXPECT_EQ(latent_scale_of("taew2_2.safetensors"), LatentScale::normalised);
    EXPECT_EQ(latent_scale_of("/models/lighttaew2_1.pth"), LatentScale::raw);
    EXPECT_EQ(latent_scale_of("LightTAEw2_2.safetensors"), LatentScale::raw);
    EXPECT_EQ(latent_scale_of("/lighttaew2_1/taew2_1.pth"), LatentScale::normalised);

    TemporaryFolder folder;
    const auto plain = write_small_decoder(folder / "taew2_1.safetensors", small_sizes(false, 1, 16)),
               light = write_small_decoder(folder / "lighttaew2_1.safetensors", small_sizes(false, 1, 16));
    EXPECT_EQ(SmallVae::load(plain).scale(), LatentScale::normalised);
    EXPECT_EQ(SmallVae::load(light).scale(), LatentScale::raw);
    EXPECT_EQ(SmallVae::load(plain, LatentScale::raw).scale(), LatentScale::raw);
    EXPECT_EQ(SmallVae::load(light, LatentScale::normalised).scale(), LatentScale::normalised);
}

TEST(SmallVaeScale, RawLatentsAreScaledByTheStatistics) {
    Context ctx;
    TemporaryFolder folder;
    for (const int64_t z : {16, 48}) {
        const auto file = write_small_decoder(folder / "file.safetensors", small_sizes(z == 48, 1, z));
        const SmallVae normalised = SmallVae::load(file), raw = SmallVae::load(file, LatentScale::raw);
        const auto [mean, deviation] = latent_stats(z);
        const Tensor latent = randn(ctx, {z, 2, 3, 2}, 1);
        Tensor scaled = clone(ctx, latent);
        const int64_t each = latent.numel() / z;
        for (int64_t i = 0; i < latent.numel(); ++i) {
            const auto c = static_cast<size_t>(i / each);
            scaled.data<float>()[i] = latent.data<float>()[i] * deviation[c] + mean[c];
        }
        EXPECT_LT(relative_error(decode(ctx, raw, latent), decode(ctx, normalised, scaled)), 1e-5);
        const Tensor video = randn(ctx, {3, 8, 24, 16}, 2), back = encode(ctx, raw, video);
        Tensor expected = encode(ctx, normalised, video);
        for (int64_t i = 0; i < expected.numel(); ++i) {
            const auto c = static_cast<size_t>(i / (expected.numel() / z));
            expected.data<float>()[i] = (expected.data<float>()[i] - mean[c]) / deviation[c];
        }
        EXPECT_LT(relative_error(back, expected), 1e-5);
    }
    const auto odd = write_small_decoder(folder / "odd.safetensors", small_sizes(false, 1, 9));
    expect_invalid([&] { SmallVae::load(odd, LatentScale::raw); }, {"odd.safetensors", "9 latent channels"});
}

// --- what users get wrong -------------------------------------------------------------------------------------------

class BrokenSmallVae : public ::testing::Test {
  protected:
    void expect_refused(const std::function<void(std::map<std::string, Tensor>&)>& change,
                        std::vector<std::string> parts, bool wide = false) {
        std::map<std::string, Tensor> tensors = small_tensors(ctx, small_sizes(wide, 1, 16));
        change(tensors);
        const auto file = folder / "broken.safetensors";
        checkpoint::save_safetensors(file, tensors);
        parts.emplace_back("broken.safetensors");
        expect_invalid([&] { SmallVae::load(file); }, parts);
    }

    Context ctx;
    TemporaryFolder folder;
};

TEST_F(BrokenSmallVae, NamesFileAndTensor) {
    expect_refused([](auto& t) { t.erase("decoder.1.weight"); }, {"not a small decoder", "'decoder.1.weight'"});
    expect_refused([](auto& t) { t.erase("decoder.16.conv.2.bias"); }, {"'decoder.16.conv.2.bias'", "missing"});
    expect_refused([](auto& t) { t.erase("encoder.12.conv.weight"); }, {"'encoder.12.conv.weight'", "missing"});
    expect_refused([](auto& t) { t.erase("decoder.9.conv.1.weight"); }, {"'decoder.9.conv.1.weight'", "missing"}, true);
    expect_refused([&](auto& t) { t["decoder.23.weight"] = randn(ctx, {3}, 1); }, {"'decoder.23.weight'", "not part"});
    expect_refused(
        [&](auto& t) {
            t["decoder.4.conv.0.weight"] = randn(ctx, {7, 13, 3, 3}, 1);
        },
        {"'decoder.4.conv.0.weight'", "[7, 13, 3, 3]"});
    expect_refused(
        [&](auto& t) {
            t["decoder.22.weight"] = randn(ctx, {4, 3, 3, 3}, 1);
        },
        {"'decoder.22.weight'", "4 channels"});
    expect_refused(
        [&](auto& t) {
            t["decoder.13.conv.weight"] = randn(ctx, {11, 6, 1, 1}, 1);
        },
        {"'decoder.13.conv.weight'", "11 channels, expected 12"});
    expect_refused(
        [&](auto& t) {
            t["decoder.4.weight"] = randn(ctx, {6, 7, 3, 3}, 1);
        },
        {"'decoder.4.weight'", "no fours"}, true);
    expect_refused(
        [&](auto& t) {
            t["decoder.1.weight"] = zeros(ctx, {7, 16, 3, 3}, DType::i64);
        },
        {"'decoder.1.weight'", "i64"});
}

TEST_F(BrokenSmallVae, FilesOfOtherKinds) {
    const std::filesystem::path models = std::filesystem::path(T3VIDEO_TEST_DATA) / "golden" / "wan21-tiny" / "model";
    expect_invalid([&] { SmallVae::load(models / "Wan2.1_VAE.pth"); }, {"Wan2.1_VAE.pth", "is a VAE"});
    expect_invalid([&] { SmallVae::load(models / "diffusion_pytorch_model.safetensors"); },
                   {"diffusion_pytorch_model.safetensors", "not a small decoder"});
    expect_invalid([&] { SmallVae::load(folder / "missing.pth"); }, {"missing.pth"});
}

TEST_F(BrokenSmallVae, LatentsAndVideosThatDoNotFit) {
    const SmallVae vae = SmallVae::load(write_small_decoder(folder / "file.safetensors", small_sizes(false, 2, 16)));
    expect_invalid([&] { vae.decode(ctx, zeros(ctx, {15, 1, 2, 2}), {}); }, {"[15, 1, 2, 2]", "[16, "});
    expect_invalid([&] { encode(ctx, vae, zeros(ctx, {3, 1, 24, 16})); }, {"16", "16x24"});
}

}  // namespace
}  // namespace t3video::models
