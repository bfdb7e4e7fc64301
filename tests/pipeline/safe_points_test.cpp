// Stopping, saving and checks between steps; pictures of what is being denoised.
#include "pipeline/safe_points.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/interrupt.h"
#include "core/log.h"
#include "media/contact_sheet.h"
#include "ops/linear.h"
#include "pipeline/film.h"
#include "pipeline/stages.h"
#include "pipeline/weight_check.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace t3video::pipeline {
namespace {

using namespace testing;

TEST(WorthSaving, CheapSavingIsFrequentAndDearSavingHasALimit) {
    EXPECT_TRUE(worth_saving(5, 0.2));    // 4 % of a step of five seconds
    EXPECT_FALSE(worth_saving(2, 0.2));   // 10 %
    EXPECT_TRUE(worth_saving(31, 30));    // no more than half a minute is lost
    EXPECT_TRUE(worth_saving(0.001, 0));  // before the first one
}

TEST(SafePoints, AnInterruptedStepIsSaved) {
    Context ctx;
    const TemporaryFolder folder;
    Job job(folder / "film.job", {{"seed", 1}});
    Progress progress(false, true);
    StepWatch watch(ctx, job, {.sigmas = {1, 0.7, 0.4, 0}, .timesteps = {1000, 700, 400}}, {}, {}, progress);
    watch.begin({.x = randn(ctx, {2, 1, 2, 2}, 1)});
    watch.after({.step = 1, .x = randn(ctx, {2, 1, 2, 2}, 2)});
    set_interrupt_signal(2);
    try {
        watch.after({.step = 2, .x = randn(ctx, {2, 1, 2, 2}, 3), .further = {{"a", randn(ctx, {5}, 4)}}});
        ADD_FAILURE() << "went on";
    } catch (const Interrupted& stopped) {
        const std::string says = stopped.what();
        EXPECT_NE(says.find("after step 2 of 3; to go on: t3video resume " + job.folder().string()), std::string::npos)
            << says;
    }
    set_interrupt_signal(0);
    EXPECT_EQ(job.stages(1).latents.value().step, 2);
    EXPECT_EQ(job.stages(1).latents.value().further.at("a").dim(0), 5);
}

// A step may take hours: after a while the wish to stop is met between two ops.
TEST(SafePoints, PatienceEndsWithinAStep) {
    Context ctx;
    const TemporaryFolder folder;
    Job job(folder / "film.job", {{"seed", 1}});
    Progress progress(false, true);
    const Tensor x = randn(ctx, {2, 3}, 1), w = randn(ctx, {4, 3}, 2);
    const auto says = [&](double seconds) -> std::string {
        const Patience patience(ctx, progress, job, seconds);
        try {
            for (int i = 0; i < 3; ++i) ops::linear(ctx, x, w);
        } catch (const Interrupted& stopped) {
            return stopped.what();
        }
        return "";
    };
    EXPECT_EQ(says(0), "");
    set_interrupt_signal(2);
    EXPECT_EQ(says(60), "");
    EXPECT_NE(says(0).find("in the middle of a stage; to go on: t3video resume"), std::string::npos);
    ops::linear(ctx, x, w);  // nobody watches any more
    set_interrupt_signal(0);
}

TEST(SafePoints, ValuesThatAreNoNumbersAreNotSaved) {
    Context ctx;
    const TemporaryFolder folder;
    Job job(folder / "film.job", {{"seed", 1}});
    Progress progress(false, true);
    StepWatch watch(ctx, job, {.sigmas = {1, 0}, .timesteps = {1000}}, {}, {}, progress);
    Tensor x = randn(ctx, {2, 1, 2, 2}, 1);
    watch.begin({.x = clone(ctx, x)});
    x.data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THROW(watch.after({.step = 1, .x = x}), Error);
    EXPECT_TRUE(watch.broken());
    EXPECT_FALSE(job.stages(1).latents);
}

// A disk that refuses ends nothing: the next step tries again, and the user is told what is kept.
TEST(SafePoints, StatesThatCannotBeSavedEndNoFilm) {
    set_quiet(true);
    Context ctx;
    const TemporaryFolder folder;
    Job job(folder / "film.job", {{"seed", 1}});
    Progress progress(false, true);
    StepWatch watch(ctx, job, {.sigmas = {1, 0.7, 0.4, 0}, .timesteps = {1000, 700, 400}}, {}, {}, progress);
    watch.begin({.x = randn(ctx, {2, 1, 2, 2}, 1)});
    std::filesystem::remove_all(job.folder());
    write_file(job.folder(), "in the way");
    watch.after({.step = 1, .x = randn(ctx, {2, 1, 2, 2}, 2)});
    EXPECT_EQ(watch.saved_step(), 0);
    set_interrupt_signal(2);
    try {
        watch.after({.step = 2, .x = randn(ctx, {2, 1, 2, 2}, 3)});
        ADD_FAILURE() << "went on";
    } catch (const Interrupted& stopped) {
        EXPECT_NE(std::string(stopped.what()).find("of which step 0 is saved"), std::string::npos) << stopped.what();
    }
    set_interrupt_signal(0);
    std::filesystem::remove(job.folder());
    watch.after({.step = 3, .x = randn(ctx, {2, 1, 2, 2}, 3)});
    EXPECT_EQ(watch.saved_step(), 3);
    EXPECT_EQ(job.stages(1).latents.value().step, 3);
    set_quiet(false);
}

TEST(SafePoints, WordsForAShell) {
    EXPECT_EQ(shell_word("films/a-1.job"), "films/a-1.job");
    EXPECT_EQ(shell_word("my film's.job"), "'my film'\\''s.job'");
    EXPECT_EQ(shell_word("a;b"), "'a;b'");
}

TEST(WeightCheck, NamesTheWeight) {
    const auto file = demo_model_folder() / "diffusion_pytorch_model.safetensors";
    auto dit = models::WanDit::load(file, demo_model_folder() / "config.json");
    require_finite_weights(dit, file, 2);
    dit.for_each_param("", [](const std::string& name, nn::Param& param) {
        if (name != "blocks.3.norm3.bias") return;
        Tensor value = empty_on_host(param.shape);
        for (float& v : value.span<float>()) v = 0;
        value.data<float>()[5] = std::numeric_limits<float>::infinity();
        param.value = value;
    });
    expect_invalid([&] { require_finite_weights(dit, file, 2); },
                   {"diffusion_pytorch_model.safetensors", "blocks.3.norm3.bias' [192]"});
}

// Through the linear map, the picture of a latent looks like what the decoder makes of it.
TEST(Preview, LooksLikeTheFilm) {
    const auto vae = models::WanVae::load(demo_model_folder() / "Wan2.1_VAE.pth");
    Context ctx;
    Tensor video = empty(ctx, {1, 64, 96, 3});  // a bright disc on a slope of green
    for (int64_t i = 0; i < 64 * 96; ++i) {
        const double x = double(i % 96), y = double(i / 96);
        const bool disc = std::hypot(x - 60, y - 30) < 18;
        float* pixel = video.data<float>() + i * 3;
        pixel[0] = disc ? 0.8f : -0.6f;
        pixel[1] = disc ? -0.5f : float(y / 64 - 0.3);
        pixel[2] = disc ? -0.5f : -0.2f;
    }
    const Tensor latent = vae.encode(ctx, video);
    const media::Image picture =
        LatentColours(ctx, vae).picture(latent.reshape({latent.dim(0), latent.dim(2), latent.dim(3)}));
    ASSERT_EQ(picture.width, 12);
    ASSERT_EQ(picture.height, 8);
    media::Image film(96, 64);
    for (int64_t i = 0; i < 64 * 96 * 3; ++i) film.rgb[size_t(i)] = uint8_t((video.data<float>()[i] + 1) * 127.5f);
    const media::Image small = media::shrink(film, 12, 8);
    double xy = 0, xx = 0, yy = 0, mx = 0, my = 0;
    const auto n = double(small.rgb.size());
    for (size_t i = 0; i < small.rgb.size(); ++i) mx += picture.rgb[i] / n, my += small.rgb[i] / n;
    for (size_t i = 0; i < small.rgb.size(); ++i) {
        const double a = picture.rgb[i] - mx, b = small.rgb[i] - my;
        xy += a * b, xx += a * a, yy += b * b;
    }
    EXPECT_GT(xy / std::sqrt(xx * yy), 0.7);
    EXPECT_NEAR(mx, my, 40);
}

// A straight path from noise to the clean sample: every preview sees its end.
TEST(Preview, SeesThroughTheNoise) {
    const auto vae = models::WanVae::load(demo_model_folder() / "Wan2.1_VAE.pth");
    Context ctx;
    const LatentColours colours(ctx, vae);
    const Tensor clean = randn(ctx, {16, 1, 4, 4}, 1), noise = randn(ctx, {16, 1, 4, 4}, 2);
    const sampling::Schedule schedule{.sigmas = {1, 0.8, 0.5, 0.2, 0}, .timesteps = {1000, 800, 500, 200}};
    Preview preview(colours, schedule, 2);
    const media::Image expected = colours.picture(clean.reshape({16, 4, 4}));
    int64_t shown = 0;
    for (int64_t step = 0; step <= 4; ++step) {
        Tensor x = empty(ctx, clean.shape());
        const double s = schedule.sigmas[size_t(step)];
        for (int64_t i = 0; i < x.numel(); ++i)
            x.data<float>()[i] = float((1 - s) * clean.data<float>()[i] + s * noise.data<float>()[i]);
        const auto image = preview.see(ctx, {.step = step, .x = x});
        EXPECT_EQ(image.has_value(), step == 2 || step == 4) << step;
        if (!image) continue;
        ++shown;
        for (size_t i = 0; i < expected.rgb.size(); ++i) ASSERT_NEAR(image->rgb[i], expected.rgb[i], 1) << step;
    }
    EXPECT_EQ(shown, 2);
}

}  // namespace
}  // namespace t3video::pipeline
