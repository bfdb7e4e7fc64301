// Pictures of what is being denoised.
#include "session/preview.h"

#include <gtest/gtest.h>

#include <cmath>

#include "film/model_files.h"
#include "media/contact_sheet.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

using namespace testing;
using film::demo_model_folder;

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
    Preview preview([&](const Tensor& frame) { return colours.picture(frame); }, schedule, 2);
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
}  // namespace t3video::session
