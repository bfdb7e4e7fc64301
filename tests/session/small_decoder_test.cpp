// Films that a small decoder makes of a job's latents: the same latents, other frames; no VAE; previews; plans.
#include <nlohmann/json.hpp>

#include <algorithm>

#include "core/quantize.h"
#include "core/readable_bytes.h"
#include "film/fields.h"
#include "film/published.h"
#include "make_fixture.h"
#include "media/png.h"
#include "planned.h"
#include "support/errors.h"
#include "support/images.h"
#include "support/small_decoders.h"

namespace t3video::session {
namespace {

class SmallDecoderFilm : public MakeTest {
  protected:
    fs::path decoder(const std::string& name = "taew2_1.safetensors", int64_t patch = 1, int64_t z = 16) {
        return write_small_decoder(folder_ / name, small_sizes(false, patch, z));
    }
    // The tiny model without a VAE.
    fs::path without_vae() {
        const fs::path folder = folder_ / "model";
        fs::copy(kGolden / "wan21-tiny" / "model", folder, fs::copy_options::recursive);
        fs::remove(folder / "Wan2.1_VAE.pth");
        return folder;
    }
    sampling::SampleState latents(const film::Request& r) {
        return job::read_stages(r.job_folder(), 1).latents.value();
    }
};

TEST_F(SmallDecoderFilm, HasTheLatentsOfTheVaesFilmAndFramesOfItsOwn) {
    const film::Request plain = request("plain");
    film::Request small = request("small");
    small.parts.decoder = decoder();
    const std::string by_vae = film(plain), by_small = film(small);
    EXPECT_EQ(relative_error(latents(small).x, latents(plain).x), 0);
    ASSERT_EQ(by_small.size(), by_vae.size());
    EXPECT_TRUE(by_small != by_vae);
    EXPECT_EQ(observer_.notes_of("takes normalised latents"), 1u);

    // The VAE's job, decoded once more by the small decoder, is the small one's film, and the other way.
    film::Request again = plain;
    again.parts.decoder = small.parts.decoder;
    again.output = folder_ / "again.y4m";
    again.job = plain.job_folder();
    session_.decode(again, observer_);
    EXPECT_TRUE(read_file(again.output) == by_small);
    again.parts.decoder.clear();
    again.job = small.job_folder();
    again.overwrite = true;
    session_.decode(again, observer_);
    EXPECT_TRUE(read_file(again.output) == by_vae);
}

TEST_F(SmallDecoderFilm, FramesAreTheDecodersOfTheLatents) {
    film::Request r = request("film");
    r.output = folder_ / "frames" / "%05d.png";
    r.parts.decoder = decoder();
    run(r);
    const models::SmallVae vae = models::SmallVae::load(r.parts.decoder);
    int64_t frame = 0;
    vae.decode(ctx_, latents(r).x, [&](const Tensor& x, int64_t, int64_t) {
        const media::Image image = read_png(folder_ / "frames" / concat("0000", frame++, ".png"));
        ASSERT_EQ(image.width, 32);
        for (int64_t i = 0; i < x.numel(); ++i)
            ASSERT_EQ(image.rgb[static_cast<size_t>(i)], quantize_u8(x.data<float>()[i])) << "frame " << frame;
    });
    EXPECT_EQ(frame, 5);
}

// Asked for with another decoder or scale, a finished film is decoded again from its job, and denoised no more.
TEST_F(SmallDecoderFilm, AnotherDecoderOrScaleIsAnotherFilm) {
    film::Request r = request("film");
    r.parts.decoder = decoder();
    run(r);
    EXPECT_TRUE(run(r).was_there);
    r.overwrite = true;
    r.parts.decoder_latents = models::LatentScale::raw;
    const std::string before = read_file(r.output);
    observer_.stages.clear();
    EXPECT_FALSE(run(r).was_there);
    EXPECT_EQ(observer_.stages, std::vector<std::string>{"decode, 5 frames"});
    EXPECT_EQ(observer_.notes_of("takes raw latents"), 1u);
    EXPECT_TRUE(read_file(r.output) != before);
    r.parts.decoder_latents.reset();
    r.parts.decoder = decoder("lighttaew2_1.safetensors");  // the same bytes under a name that says raw
    EXPECT_TRUE(run(r).was_there);
    r.parts.decoder.clear();
    EXPECT_FALSE(run(r).was_there);
    EXPECT_EQ(observer_.stages.size(), 2u);
}

TEST_F(SmallDecoderFilm, NeedsNoVaeExceptForInputs) {
    film::Request with = request("with"), without = request("without");
    with.parts.decoder = without.parts.decoder = decoder();
    without.model = without_vae();
    EXPECT_TRUE(film(without) == film(with));
    for (int i = 0; i < 5; ++i)
        write_file(folder_ / "video" / concat(i, ".png"), media::encode_png(media::Image(32, 32)));
    without.inputs.video = folder_ / "video";
    without.settings.solver = "euler";
    without.output = folder_ / "other.y4m";
    expect_invalid([&] { run(without); }, {"Wan2.1_VAE.pth"});
    without.inputs.video.clear();
    without.parts.decoder.clear();
    expect_invalid([&] { run(without); }, {"Wan2.1_VAE.pth", "is missing"});
}

TEST_F(SmallDecoderFilm, DecoderThatDoesNotFitIsRefusedBeforeTheWork) {
    const auto refused = [&](const film::Request& r, const std::vector<std::string>& parts) {
        expect_invalid([&] { run(r); }, parts);
        EXPECT_FALSE(fs::exists(r.job_folder()));
    };
    film::Request r = request("film");
    r.parts.decoder = decoder("taew2_2.safetensors", 2, 48);
    refused(r, {"taew2_2.safetensors", "48 channels", "16"});
    r.parts.decoder = decoder("coarse.safetensors", 2, 16);
    refused(r, {"coarse.safetensors", "16x16 pixels", "8x8"});
    r.parts.decoder = folder_ / "missing.pth";
    refused(r, {"decoder", "missing.pth", "no such file"});
    r.parts.decoder = kGolden / "wan21-tiny/model/Wan2.1_VAE.pth";
    refused(r, {"Wan2.1_VAE.pth", "is a VAE"});
    r.parts.decoder.clear();
    r.parts.decoder_latents = models::LatentScale::raw;
    refused(r, {"decoder-latents", "decoder"});
    expect_invalid([&] { film::find_field("decoder-latents")->set(r, Field("decoder-latents", "scaled")); },
                   {"normalised or raw"});
}

TEST_F(SmallDecoderFilm, PreviewsAreItsPictures) {
    film::Request r = request("film");
    r.parts.decoder = decoder();
    r.preview_every = 2;
    run(r);
    ASSERT_EQ(observer_.previews.size(), 2u);
    // The last step heads for its own result.
    const Tensor x = latents(r).x;
    Tensor middle = empty(ctx_, {16, 4, 4});
    for (int64_t c = 0; c < 16; ++c) std::copy_n(x.data<float>() + (c * 2 + 1) * 16, 16, middle.data<float>() + c * 16);
    const media::Image expected = decoded_picture(ctx_, models::SmallVae::load(r.parts.decoder), middle, 0);
    ASSERT_EQ(observer_.previews.back().width, 32);
    int64_t off = 0;
    for (size_t i = 0; i < expected.rgb.size(); ++i)
        off += std::abs(int{observer_.previews.back().rgb[i]} - int{expected.rgb[i]}) > 1 ? 1 : 0;
    EXPECT_EQ(off, 0);
}

TEST(SmallDecoderPreview, IsTheSameInBands) {
    Context ctx;
    TemporaryFolder folder;
    const auto decoder =
        models::SmallVae::load(write_small_decoder(folder / "a.safetensors", small_sizes(true, 2, 48)));
    const Tensor frame = testing::randn(ctx, {48, 9, 5}, 1);
    const media::Image whole = decoded_picture(ctx, decoder, frame, 0),
                       bands = decoded_picture(ctx, decoder, frame, 32);
    ASSERT_EQ(whole.width, 80);
    ASSERT_EQ(whole.height, 144);
    int64_t off = 0;
    for (size_t i = 0; i < whole.rgb.size(); ++i) off += std::abs(int{whole.rgb[i]} - int{bands.rgb[i]}) > 1 ? 1 : 0;
    EXPECT_EQ(off, 0);
}

// --- plans ----------------------------------------------------------------------------------------------------------

models::SmallVae released(bool wide, int64_t patch, int64_t z) {
    models::SmallVaeConfig c{.wide_kernels = wide, .z = z, .patch = patch, .decoder = {256, 128, 64, 64}};
    c.grown = wide ? std::array<int64_t, 3>{128, 128, 128} : std::array<int64_t, 3>{256, 256, 128};
    return film::without_values(models::SmallVae(c));
}

// 3840x2176, 81 frames: under 6 GiB on a card with kernels of ours, the context's own memory aside.
TEST(SmallDecoderPlan, LargeFilmsDecodeInBoundedMemory) {
    plan::Machine card = gpu(64 * kGiB);
    card.device.sm_90a_code = true;
    card.device.multiprocessors = 132;
    for (const auto& [decoder, latent] : {std::pair{released(false, 1, 16), Shape{16, 21, 272, 480}},
                                          {released(false, 2, 48), Shape{48, 21, 136, 240}},
                                          {released(true, 2, 48), Shape{48, 21, 136, 240}}}) {
        SCOPED_TRACE(concat(latent, decoder.config().wide_kernels ? " wide" : ""));
        const plan::StagePlan stage = plan_decode(decoder, latent, card);
        EXPECT_EQ(stage.band_rows, 0);
        EXPECT_LT(stage.bytes - card.taken, 6 * kGiB) << readable_bytes(stage.bytes - card.taken);
        RecordProperty(concat("bytes_", latent[0], decoder.config().wide_kernels),
                       readable_bytes(stage.bytes - card.taken));
        RecordProperty(concat("tflop_", latent[0], decoder.config().wide_kernels),
                       std::to_string(stage.work.convolution / 1e12));
        // Twice the frames take no more, beside their latents.
        const Shape longer{latent[0], 42, latent[2], latent[3]};
        EXPECT_LT(plan_decode(decoder, longer, card).bytes, stage.bytes + kGiB);
        const plan::StagePlan preview = plan_preview(decoder, latent, card);
        EXPECT_LE(preview.bytes, kGiB + kGiB / 2);
        EXPECT_GT(preview.bytes, 0u);
    }
}

TEST(SmallDecoderPlan, BandsAreAsTallAsTheBudgetAllows) {
    const models::SmallVae decoder = released(false, 1, 16);
    const Shape latent{16, 3, 136, 60};
    plan::Machine machine = cpu();
    const plan::StagePlan all = plan_decode(decoder, latent, machine);
    EXPECT_EQ(all.band_rows, 0);
    machine.decode_budget = static_cast<int64_t>(all.bytes * 7 / 10);
    const plan::StagePlan bands = plan_decode(decoder, latent, machine);
    EXPECT_GT(bands.band_rows, 0);
    EXPECT_LE(bands.bytes, static_cast<size_t>(machine.decode_budget));
    EXPECT_GT(bands.work.convolution, all.work.convolution) << "rows around bands are decoded with them";
}

TEST(SmallDecoderPlan, DenoisingCountsItsPreviews) {
    Planned p({.width = 256, .height = 256});
    p.networks.decoder = released(false, 1, 16);
    const auto denoise = [&](int64_t every) {
        Material material = done();
        material.preview_every = every;
        return *plan_film(p.networks, p.film, material, cpu()).find("denoise");
    };
    const plan::StagePlan none = denoise(0), some = denoise(10);
    const plan::StagePlan preview =
        plan_preview(*p.networks.decoder, latent_shape(p.film, p.networks.vae.config()), cpu());
    EXPECT_EQ(some.bytes, none.bytes + preview.bytes);
    EXPECT_GT(some.work.convolution, none.work.convolution);
}

}  // namespace
}  // namespace t3video::session
