// Denoising by several transformers, and by both branches of guidance at once.
#include "pipeline/denoise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ops/elementwise.h"
#include "pipeline/plan.h"
#include "pipeline/published.h"
#include "pipeline/stages.h"
#include "support/params.h"
#include "support/tensors.h"

namespace t3video::pipeline {
namespace {

using namespace testing;

models::WanDit tiny_dit(Context& ctx, uint32_t seed) {
    models::DitConfig c;
    c.dim = 24;
    c.heads = 2;
    c.layers = 3;
    c.ffn_dim = 20;
    c.in_channels = c.out_channels = 16;
    c.text_dim = 8;
    c.freq_dim = 6;
    models::WanDit dit(c);
    dit.for_each_param("", [&](const std::string&, nn::Param& param) {
        param.value = randn(ctx, param.shape, ++seed);
        for (float& value : numbers_of(param)) value /= std::sqrt(float(param.shape.dim(-1)));
    });
    return dit;
}

void expect_same_bits(const Tensor& a, const Tensor& b) {
    ASSERT_EQ(a.shape(), b.shape());
    EXPECT_TRUE(std::ranges::equal(a.span<float>(), b.span<float>()));
}

class Denoise : public ::testing::Test {
  protected:
    Tensor denoise(ExpertsInTurn experts, const DenoiseOptions& options = {}) {
        return denoise_film(ctx_, std::move(experts), film_, embeddings_, schedule_, {.x = clone(ctx_, noise_)},
                            options);
    }

    Context ctx_{2};
    Film film_ =
        make_film({}, {.cell = 16}, {.width = 64, .height = 32, .frames = 5, .steps = 6, .cfg = 4, .solver = "euler"},
                  Attention::automatic, {});
    models::WanDit noisy_ = tiny_dit(ctx_, 100), clean_ = tiny_dit(ctx_, 200);
    Embeddings embeddings_{randn(ctx_, {7, 8}, 1), randn(ctx_, {5, 8}, 2)};
    sampling::Schedule schedule_ = solver_of(film_.settings).schedule({.steps = 6, .shift = 3});
    Tensor noise_ = randn(ctx_, {16, 2, 4, 8}, 3);
};

TEST_F(Denoise, TogetherGivesTheBitsOfOneAfterTheOther) {
    const Tensor first_frame = randn(ctx_, {16, 1, 4, 8}, 4);
    for (const Tensor& first : {Tensor(), first_frame}) {
        const Tensor apart = denoise(noisy_, {.first_frame = first});
        expect_same_bits(denoise(noisy_, {.together = true, .first_frame = first}), apart);
    }
}

// Euler by hand, with the transformer of each step's noise level. The boundary itself belongs to the noisier one.
TEST_F(Denoise, EveryStepTakesTheExpertOfItsNoise) {
    const double boundary = schedule_.sigmas[3];
    Tensor x = clone(ctx_, noise_);
    const t3::WindowPlan windows(ctx_, film_.attention.layout);
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
    const std::vector<Expert> experts{{clean_, 0, boundary}, {noisy_, boundary, 1}};
    const auto prepare = [&](const models::WanDit& dit) {
        ++turns;
        return dit;
    };
    for (const bool together : {false, true}) {
        turns = 0;
        expect_same_bits(denoise({experts, prepare}, {.together = together}), x);
        EXPECT_EQ(turns, 2) << "each has one turn";
    }
    const Tensor one = denoise(noisy_);
    EXPECT_GT(relative_error(one, x), 1e-3);
}

// A film that goes on below the boundary needs one of them only.
TEST_F(Denoise, GoesOnWithTheExpertOfItsStep) {
    const double boundary = schedule_.sigmas[3];
    const std::vector<Expert> experts{{noisy_, boundary, 1}, {clean_, 0, boundary}};
    const auto as_it_is = [](const models::WanDit& dit) { return dit; };
    sampling::SampleState late;
    const Tensor whole = denoise({experts, as_it_is}, {.observer = [&](const sampling::SampleState& state) {
                                     if (state.step == 4) late = state;
                                 }});
    expect_same_bits(denoise_film(ctx_, clean_, film_, embeddings_, schedule_, late), whole);
}

TEST(Experts, AreFoundByNoise) {
    const models::WanDit dit{models::DitConfig{.dim = 24, .heads = 2}};
    const std::vector<Expert> experts{{dit, 0, 0.4}, {dit, 0.8, 1}, {dit, 0.4, 0.8}};
    const auto number = [&](double sigma) { return &expert_for(experts, sigma) - experts.data(); };
    EXPECT_EQ(number(0), 0);
    EXPECT_EQ(number(0.39), 0);
    EXPECT_EQ(number(0.4), 2);
    EXPECT_EQ(number(0.79), 2);
    EXPECT_EQ(number(0.8), 1);
    EXPECT_EQ(number(1), 1);
    EXPECT_THROW(number(1.01), Error);
    EXPECT_THROW(expert_for({}, 0.5), Error);
    const std::vector<Expert> all{{dit}};
    for (const double sigma : {0.0, 0.5, 1.0}) EXPECT_EQ(&expert_for(all, sigma), all.data());
}

constexpr size_t kGiB = size_t{1} << 30;

// Guidance's branches cross streamed layers together where there is room for a second residual stream, else they take
// turns, for which every layer comes to the GPU twice a step.
TEST(DenoisePlan, BranchesTakeTurnsWhereMemoryIsShort) {
    const Models models = published_models("wan2.2-5b");
    Film film = make_film({}, models.traits(), {.width = 1280, .height = 704, .frames = 41, .steps = 3},
                          Attention::automatic, {});
    const auto denoise = [&](size_t allowed) {
        const Machine gpu{.device = Device::cuda,
                          .compute_type = DType::bf16,
                          .allowed = allowed,
                          .taken = kGiB,
                          .decode_budget = int64_t{16} << 30};
        return plan_film(models, film, gpu, {.text = true});
    };
    const size_t resident = denoise(80 * kGiB).stages.at(0).bytes, once = denoise(80 * kGiB).stages.at(0).weights;
    const Plan together = denoise(resident - 1);
    const size_t both = together.stages.at(0).bytes;
    const Plan apart = denoise(both - 1);
    const size_t alone = apart.stages.at(0).bytes;
    EXPECT_FALSE(denoise(80 * kGiB).together("denoise"));
    EXPECT_TRUE(together.together("denoise"));
    EXPECT_EQ(apart.keep("denoise"), nn::Keep::streamed);
    EXPECT_FALSE(apart.together("denoise"));
    EXPECT_LT(alone, both);
    const double stream = double(film.frames.grid.tokens() * models.dit().config().dim) * sizeof(float);
    EXPECT_NEAR(double(both - alone), stream, 0.02 * stream);
    EXPECT_TRUE(denoise(both).together("denoise"));
    EXPECT_EQ(denoise(alone).stages.at(0).bytes, alone);
    EXPECT_EQ(denoise(alone - 1).too_large()->name, "denoise");
    EXPECT_EQ(together.stages[0].weights, (1 + 3) * once);
    EXPECT_EQ(apart.stages[0].weights, (1 + 2 * 3) * once);
    EXPECT_EQ(together.stages[0].work.matrix, apart.stages[0].work.matrix);
    EXPECT_EQ(together.stages[0].about_weights(), ", weights streamed once a step");

    film.settings.cfg = 1;  // one branch
    const Plan single = denoise(both - 1);
    EXPECT_FALSE(single.together("denoise"));
    EXPECT_EQ(single.stages[0].weights, (1 + 3) * once);
}

}  // namespace
}  // namespace t3video::pipeline
