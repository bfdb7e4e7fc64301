// What comes before denoising: where files go, the noise of a seed, the rows of a prompt.
#include "pipeline/request.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/random.h"
#include "models/umt5/model.h"
#include "pipeline/embed.h"
#include "support/errors.h"
#include "support/tensors.h"

namespace t3video::pipeline {
namespace {

using namespace testing;

const std::string kGolden = T3VIDEO_TEST_DATA "/golden/";

TEST(Request, PathsFollowTheOutput) {
    Request r;
    r.output = "films/ball.take.mp4";
    EXPECT_EQ(r.job_folder(), "films/ball.take.job");
    EXPECT_EQ(r.sheet_path(), "films/ball.take.png");
    r.output = "films/frames/%05d.png";
    EXPECT_EQ(r.job_folder(), "films/frames.job");
    EXPECT_EQ(r.sheet_path(), "films/frames.png");
    r.output = "films/frames/";
    EXPECT_EQ(r.sheet_path(), "films/frames.png");
    r.job = "elsewhere";
    EXPECT_EQ(r.job_folder(), "elsewhere");
}

TEST(MakeNoise, IsThatOfTheGenerators) {
    Context ctx;
    const Shape shape{16, 2, 4, 6};
    std::vector<float> expected(static_cast<size_t>(shape.numel()));
    const auto same = [&](const Tensor& x) { return std::ranges::equal(x.span<float>(), expected); };
    fill_normal_cpu(expected, 42);
    EXPECT_TRUE(same(make_noise(ctx, shape, 42, NoiseSource::cpu, 132)));
    EXPECT_TRUE(same(make_noise(ctx, shape, 42, NoiseSource::cpu, 1))) << "the CPU has no multiprocessors";
    EXPECT_FALSE(same(make_noise(ctx, shape, 43, NoiseSource::cpu, 132)));
    fill_normal_cuda(expected, 42, 132, 1);
    EXPECT_TRUE(same(make_noise(ctx, shape, 42, NoiseSource::cuda, 132)));
    EXPECT_FALSE(same(make_noise(ctx, shape, 43, NoiseSource::cuda, 132)));
    EXPECT_NEAR(make_noise(ctx, {16}, 0, NoiseSource::cpu, 132).data<float>()[0], -1.1258f, 1e-4);
}

class EmbedPrompt : public ::testing::Test {
  protected:
    Context ctx_;
    models::Umt5 encoder_ = models::Umt5::load(kGolden + "wan21-tiny/model/models_t5_umt5-xxl-enc-bf16.pth");
    text::Tokenizer tokenizer_{kGolden + "tokenizer/spiece.model"};
};

TEST_F(EmbedPrompt, OneRowPerToken) {
    const std::string prompt = "A green kite drifts right across a desert at sunset.";
    const auto ids = tokenizer_.encode(prompt);
    const Tensor rows = embed_prompt(ctx_, encoder_, tokenizer_, prompt);
    EXPECT_EQ(rows.shape(), (Shape{static_cast<int64_t>(ids.size()), encoder_.config().dim}));
    EXPECT_EQ(relative_error(rows, encoder_.forward(ctx_, std::vector<int64_t>(ids.begin(), ids.end()))), 0);
    EXPECT_EQ(relative_error(embed_prompt(ctx_, encoder_, tokenizer_,
                                          "  A green\nkite &#100;rifts right across a desert at sunset. "),
                             rows),
              0)
        << "prompts are cleaned";
    EXPECT_EQ(embed_prompt(ctx_, encoder_, tokenizer_, "").dim(0), 1);
}

TEST_F(EmbedPrompt, LongPromptsAreCutAtTheRowsOfTheTransformer) {
    std::string prompt;
    for (int i = 0; i < 400; ++i) prompt += "a green kite ";
    EXPECT_EQ(embed_prompt(ctx_, encoder_, tokenizer_, prompt).dim(0), kTextRows);
}

TEST_F(EmbedPrompt, VocabulariesMustMatch) {
    models::Umt5Config config = encoder_.config();
    config.vocabulary = 300;
    const models::Umt5 smaller(config);
    expect_invalid([&] { embed_prompt(ctx_, smaller, tokenizer_, "A green kite drifts right."); },
                   {"makes id 328", "only 300 ids", "different models"});
}

}  // namespace
}  // namespace t3video::pipeline
