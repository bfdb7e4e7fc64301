// The stages on networks in memory: steps of denoising repeat themselves in memory, frames come whole and in order.
#include "pipeline/stages.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "pipeline/plan.h"
#include "support/tensors.h"

namespace t3video::pipeline {
namespace {

using namespace testing;

struct Demo {
    ModelFiles files = find_model(demo_model_folder());
    Models models = load_models(files);
    Film film;

    explicit Demo(SettingChoices choices)
        : film(make_film(files, models.traits(), choices, Attention::automatic, {})) {}
};

// Requests of the system for memory up to the end of each step.
std::vector<size_t> requests_by_step(const std::string& solver, double cfg) {
    Demo demo({.width = 96, .height = 64, .frames = 9, .steps = 6, .cfg = cfg, .solver = solver});
    Context ctx;
    Embeddings embeddings{.positive = randn(ctx, {20, demo.models.dit().config().text_dim}, 1)};
    if (cfg != 1) embeddings.negative = randn(ctx, {7, demo.models.dit().config().text_dim}, 2);
    std::vector<size_t> requests;
    denoise_film(ctx, demo.models.dit(), demo.film, embeddings,
                 solver_of(demo.film.settings).schedule({.steps = demo.film.settings.steps}),
                 {.x = randn(ctx, latent_shape(demo.film, demo.models.vae.config()), 3)},
                 {.observer = [&](const sampling::SampleState&) { requests.push_back(ctx.allocator().requests()); }});
    return requests;
}

TEST(Stages, StepsAfterTheFirstAllocateNothing) {
    for (const double cfg : {1.0, 4.0}) {
        const auto requests = requests_by_step("euler", cfg);
        ASSERT_EQ(requests.size(), 6U);
        EXPECT_GT(requests[0], 10U);
        for (const size_t count : requests) EXPECT_EQ(count, requests[0]) << "cfg " << cfg;
    }
}

TEST(Stages, PackedWeightsGiveTheSameLatent) {
    Demo demo({.width = 96, .height = 64, .frames = 9, .steps = 2, .cfg = 1});
    Context ctx;
    const Embeddings embeddings{.positive = randn(ctx, {20, demo.models.dit().config().text_dim}, 1)};
    const auto latent = [&](nn::Keep keep) {
        return denoise_film(ctx, nn::kept(ctx, demo.models.dit(), keep), demo.film, embeddings,
                            solver_of(demo.film.settings).schedule({.steps = 2}),
                            {.x = randn(ctx, latent_shape(demo.film, demo.models.vae.config()), 3)});
    };
    const Tensor stored = latent(nn::Keep::placed), packed = latent(nn::Keep::packed);
    EXPECT_TRUE(std::ranges::equal(stored.span<float>(), packed.span<float>()));
}

// UniPC remembers three tensors, the last of them from the third step on.
TEST(Stages, AMultistepSolverAllocatesUntilItsMemoryIsFull) {
    const auto requests = requests_by_step("unipc", 4.0);
    ASSERT_EQ(requests.size(), 6U);
    EXPECT_LE(requests[2], requests[0] + 4);
    for (size_t i = 3; i < requests.size(); ++i) EXPECT_EQ(requests[i], requests[2]) << "step " << i + 1;
}

TEST(Stages, FramesAreWholeAndInOrder) {
    Demo demo({.width = 90, .height = 60, .frames = 9});
    Context ctx;
    const Tensor latent = randn(ctx, latent_shape(demo.film, demo.models.vae.config()), 4);
    const auto decode = [&](int64_t band_rows) {
        std::vector<media::Image> images;
        int64_t last = 0;
        decode_film(ctx, demo.models.vae, demo.film.settings, latent, band_rows,
                    {.frame = [&](const media::Image& image) { images.push_back(image); },
                     .decoded =
                         [&](int64_t frames) {
                             EXPECT_GE(frames, last);
                             last = frames;
                         }});
        EXPECT_EQ(last, 9);
        return images;
    };
    const auto whole = decode(0), bands = decode(24);
    ASSERT_EQ(whole.size(), 9U);
    ASSERT_EQ(bands.size(), 9U);
    for (size_t i = 0; i < whole.size(); ++i) {
        EXPECT_EQ(whole[i].width, 90);
        EXPECT_EQ(whole[i].height, 60);
    }
    EXPECT_NE(whole[0].rgb, whole[8].rgb);
    // Convolutions of other heights sum in another order: a level may round the other way.
    for (size_t i = 0; i < whole.size(); ++i) {
        for (size_t j = 0; j < whole[i].rgb.size(); ++j)
            ASSERT_NEAR(int(whole[i].rgb[j]), int(bands[i].rgb[j]), 1) << "frame " << i;
    }
}

}  // namespace
}  // namespace t3video::pipeline
