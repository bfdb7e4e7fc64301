// The stages on networks in memory: steps of denoising repeat themselves in memory, frames come whole and in order.
#include "session/stages.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "session/denoise.h"
#include "session/session.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

using namespace testing;

struct Demo {
    film::ModelFiles files = film::find_model(film::demo_model_folder());
    film::Networks networks = film::load_networks(files);
    film::Film film;

    explicit Demo(const film::SettingChoices& choices)
        : film(film::make_film(files, networks.traits(), film::resolve_settings(files, networks.traits(), choices),
                               film::Attention::automatic)) {}
    // The rows of a prompt, and of a negative one where the film is guided.
    job::Embeddings embeddings(Context& ctx) const {
        const int64_t width = networks.dit().config().text_dim;
        return {randn(ctx, {20, width}, 1), film.guided() ? randn(ctx, {7, width}, 2) : Tensor()};
    }
    Tensor noise(Context& ctx, uint32_t seed) const {
        return randn(ctx, latent_shape(film, networks.vae.config()), seed);
    }
};

Tensor denoised(Context& ctx, const Demo& demo, const models::WanDit& dit,
                const sampling::StepObserver& observer = {}) {
    return denoise_film(ctx, {.dit = [&](size_t) -> const models::WanDit& { return dit; }}, demo.film,
                        demo.embeddings(ctx), schedule_of(demo.film), {.x = demo.noise(ctx, 3)},
                        {.observer = observer});
}

// Requests of the system for memory up to the end of each step.
std::vector<size_t> requests_by_step(const std::string& solver, double cfg) {
    const Demo demo({.width = 96, .height = 64, .frames = 9, .steps = 6, .cfg = cfg, .solver = solver});
    Context ctx;
    std::vector<size_t> requests;
    denoised(ctx, demo, demo.networks.dit(),
             [&](const sampling::SampleState&) { requests.push_back(ctx.allocator().requests()); });
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
    const Demo demo({.width = 96, .height = 64, .frames = 9, .steps = 2, .cfg = 1});
    Context ctx;
    const auto latent = [&](nn::Residency residency) {
        return denoised(ctx, demo, nn::prepared(ctx, demo.networks.dit(), residency));
    };
    const Tensor stored = latent(nn::Residency::resident), packed = latent(nn::Residency::packed);
    EXPECT_TRUE(std::ranges::equal(stored.span<float>(), packed.span<float>()));
}

// UniPC remembers three tensors, the last of them from the third step on.
TEST(Stages, AMultistepSolverAllocatesUntilItsMemoryIsFull) {
    const auto requests = requests_by_step("unipc", 4.0);
    ASSERT_EQ(requests.size(), 6U);
    EXPECT_LE(requests[2], requests[0] + 4);
    for (size_t i = 3; i < requests.size(); ++i) EXPECT_EQ(requests[i], requests[2]) << "step " << i + 1;
}

// Keeps what stages tell.
class Frames final : public Watch {
  public:
    std::vector<media::Image> images;
    std::vector<std::string> calls;

    void begin(const char* stage, int64_t total, const char* unit) override {
        calls.push_back(concat("begin ", stage, ", ", total, ' ', unit));
    }
    void frame(const media::Image& frame) override { images.push_back(frame); }
    void decoded(int64_t frames) override {
        EXPECT_GE(frames, decoded_);
        decoded_ = frames;
    }
    void end(const char* stage) override {
        calls.push_back(concat("end ", stage));
        EXPECT_EQ(decoded_, static_cast<int64_t>(images.size()));
    }

  private:
    int64_t decoded_ = 0;
};

TEST(Stages, FramesAreWholeAndInOrder) {
    const Demo demo({.width = 90, .height = 60, .frames = 9});
    const FileModel model(demo.files, demo.networks);
    Session session{Context()};
    const Tensor latent = demo.noise(session.context(), 4);
    const auto decode = [&](int64_t band_rows) {
        Material material;
        material.embeddings.emplace();
        material.latents.emplace(demo.film.settings.steps, latent);
        plan::Plan plan = session.plan(model, demo.film, material, session.machine());
        EXPECT_EQ(plan.stages.size(), 1U);
        plan.stages.at(0).band_rows = band_rows;
        Frames frames;
        session.run(model, demo.film, plan, material, frames);
        EXPECT_EQ(frames.calls, (std::vector<std::string>{"begin decode, 9 frames", "end decode"}));
        return frames.images;
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

// Networks out of nothing go through all stages, one after the other.
TEST(Stages, RunInTheirOrder) {
    const Demo demo({.width = 32, .height = 32, .frames = 5, .steps = 2});
    const RandomModel model(demo.networks);
    Session session{Context()};
    film::Film film = demo.film;
    film.settings.source = film::Source::video;
    film.settings.strength = 0.5;
    Material material{.prompt = {1, 2, 3}, .negative = {1}};
    material.noise = [&](Context& ctx, int64_t) { return demo.noise(ctx, 5); };
    for (int i = 0; i < 5; ++i) {
        material.frames.push_back(empty_on_host({film.size.height, film.size.width, 3}, DType::u8));
        std::ranges::fill(material.frames.back().span<uint8_t>(), static_cast<uint8_t>(40 * i));
    }
    const plan::Plan plan = session.plan(model, film, material, session.machine());
    Frames frames;
    session.run(model, film, plan, material, frames);
    EXPECT_EQ(frames.calls, (std::vector<std::string>{"begin text, 2 prompts", "end text", "begin encode, 5 frames",
                                                      "end encode", "begin denoise, 2 steps", "end denoise",
                                                      "begin decode, 5 frames", "end decode"}));
    EXPECT_EQ(material.embeddings->positive.shape(), (Shape{3, demo.networks.dit().config().text_dim}));
    EXPECT_EQ(material.input_latent.shape(), latent_shape(film, demo.networks.vae.config()));
    EXPECT_EQ(material.latents->step, 2);
    EXPECT_TRUE(material.frames.empty());
    ASSERT_EQ(frames.images.size(), 5U);
    EXPECT_EQ(frames.images[0].width, 32);
    // What is there is not due.
    EXPECT_EQ(session.plan(model, film, material, session.machine()).stages.size(), 1U);
}

}  // namespace
}  // namespace t3video::session
