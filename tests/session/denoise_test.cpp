// Denoising by several transformers, and by both branches of guidance at once.
#include "session/denoise.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ops/elementwise.h"
#include "session/tiny_dit.h"

namespace t3video::session {
namespace {

using namespace testing;

void expect_same_bits(const Tensor& a, const Tensor& b) {
    ASSERT_EQ(a.shape(), b.shape());
    EXPECT_TRUE(std::ranges::equal(a.span<float>(), b.span<float>()));
}

class Denoise : public ::testing::Test {
  protected:
    Tensor denoise(const ExpertsInTurn& experts, const DenoiseOptions& options = {}) {
        return denoise_film(ctx_, experts, film_, embeddings_, schedule_, {.x = clone(ctx_, noise_)}, options);
    }
    // One transformer for every noise level.
    static ExpertsInTurn alone(const models::WanDit& dit) {
        return {.dit = [&dit](size_t) -> const models::WanDit& { return dit; }};
    }

    Context ctx_{2};
    film::Film film_ = film::make_film(
        {}, {.cell = 16}, {.width = 64, .height = 32, .frames = 5, .steps = 6, .cfg = 4, .solver = "euler"},
        film::Attention::automatic);
    models::WanDit noisy_ = tiny_dit(ctx_, 100), clean_ = tiny_dit(ctx_, 200);
    job::Embeddings embeddings_{randn(ctx_, {7, 8}, 1), randn(ctx_, {5, 8}, 2)};
    sampling::Schedule schedule_ = film::solver_of(film_.settings).schedule({.steps = 6, .shift = 3});
    Tensor noise_ = randn(ctx_, {16, 2, 4, 8}, 3);
};

TEST_F(Denoise, TogetherGivesTheBitsOfOneAfterTheOther) {
    const Tensor first_frame = randn(ctx_, {16, 1, 4, 8}, 4);
    for (const Tensor& first : {Tensor(), first_frame}) {
        const Tensor apart = denoise(alone(noisy_), {.first_frame = first});
        expect_same_bits(denoise(alone(noisy_), {.together = true, .first_frame = first}), apart);
    }
}

// Euler by hand, with the transformer of each step's noise level. The boundary itself belongs to the noisier one.
TEST_F(Denoise, EveryStepTakesTheExpertOfItsNoise) {
    const double boundary = schedule_.sigmas[3];
    Tensor x = clone(ctx_, noise_);
    const t3::LayoutWindows windows(ctx_, film_.attention.layout);
    for (size_t i = 0; i < 6; ++i) {
        const models::WanDit& dit = i <= 3 ? noisy_ : clean_;
        const auto velocity = [&](const Tensor& rows) {
            const models::TextContext text = dit.embed_text(ctx_, rows, 512 - rows.dim(0));
            return dit.forward(ctx_, x, schedule_.timesteps[i], text, windows);
        };
        const Tensor with_prompt = velocity(embeddings_.positive), without = velocity(embeddings_.negative),
                     difference = ops::axpby(ctx_, 1.0f, with_prompt, -1.0f, without),
                     v = ops::axpby(ctx_, 1.0f, without, 4.0f, difference);
        x = ops::axpby(ctx_, 1.0f, x, static_cast<float>(schedule_.sigmas[i + 1] - schedule_.sigmas[i]), v);
    }
    int64_t turns = 0;
    const std::vector<film::Expert> experts{{clean_, 0, boundary}, {noisy_, boundary, 1}};
    std::optional<size_t> current;
    const auto prepare = [&](size_t expert) -> const models::WanDit& {
        if (current != expert) ++turns;
        current = expert;
        return experts[expert].dit;
    };
    for (const bool together : {false, true}) {
        turns = 0;
        current.reset();
        expect_same_bits(denoise({experts, prepare}, {.together = together}), x);
        EXPECT_EQ(turns, 2) << "each has one turn";
    }
    const Tensor one = denoise(alone(noisy_));
    EXPECT_GT(relative_error(one, x), 1e-3);
}

// A film that goes on below the boundary needs one of them only.
TEST_F(Denoise, GoesOnWithTheExpertOfItsStep) {
    const double boundary = schedule_.sigmas[3];
    const std::vector<film::Expert> experts{{noisy_, boundary, 1}, {clean_, 0, boundary}};
    const auto as_it_is = [&](size_t expert) -> const models::WanDit& { return experts[expert].dit; };
    sampling::SampleState late;
    const Tensor whole = denoise({experts, as_it_is}, {.observer = [&](const sampling::SampleState& state) {
                                     if (state.step == 4) late = state;
                                 }});
    expect_same_bits(denoise_film(ctx_, alone(clean_), film_, embeddings_, schedule_, late), whole);
}

}  // namespace
}  // namespace t3video::session
