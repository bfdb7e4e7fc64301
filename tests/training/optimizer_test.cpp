// Training over several steps: the reference's curve, what is skipped, where moments wait.
#include <algorithm>
#include <cmath>
#include <limits>

#include "support/training.h"

namespace t3video::training {
namespace {

using namespace testing;

std::vector<double> curve(const TrainOptions& options) {
    Context ctx;
    return loss_curve(ctx, options);
}

TEST(Curve, FollowsPyTorchIn32Bits) {
    const std::vector<double> losses = curve({});
    RecordProperty("difference", std::to_string(1e6 * difference_of(losses, reference_curve("f32"))) + "e-6");
    EXPECT_LT(difference_of(losses, reference_curve("f32")), 1e-4);
    EXPECT_LT(difference_of(losses, reference_curve("f64")), 1e-4);
    EXPECT_LT(losses.back(), 0.7 * losses.front());
}

// Rounding the stream shows, and stays small beside what rounding everything else to bf16 does in the reference.
TEST(Curve, StaysCloseWithAStreamOfBf16) {
    const double difference = difference_of(curve({.stream = DType::bf16}), reference_curve("f64"));
    RecordProperty("difference", std::to_string(1e6 * difference) + "e-6");
    EXPECT_GT(difference, 1e-6);
    EXPECT_LT(difference, 3e-3);
}

TEST(Curve, MomentsOnTheHostChangeNoBit) {
    EXPECT_EQ(curve({.optimizer = {.moments_on_host = true}}), curve({}));
}

TEST(Curve, MomentsIn8BitsTrainAsWell) {
    const std::vector<double> losses = curve({.optimizer = {.moments_in_8_bits = true}});
    EXPECT_LT(difference_of(losses, reference_curve("f64")), 2e-2);
    EXPECT_EQ(losses, curve({.optimizer = {.moments_in_8_bits = true, .moments_on_host = true}}));
}

// Two parameters on their own.
class Optimizer : public ::testing::Test {
  protected:
    Optimizer() {
        for (const int64_t n : {5, 3}) {
            nn::Param& param = params_.emplace_back(Shape{n, 7}, nn::Role::matrix);
            param.value = randn(ctx_, param.shape, static_cast<uint32_t>(n));
            nn::make_trainable(ctx_, param);
        }
        for (nn::Param& param : params_) trained_.push_back(&param);
    }
    void set_gradients(float value) {
        for (nn::Param& param : params_) std::ranges::fill(param.grad.span<float>(), value);
    }
    std::vector<float> values() {
        std::vector<float> all;
        for (nn::Param& param : params_) {
            const auto numbers = std::as_const(param).value.numbers().span<float>();
            all.insert(all.end(), numbers.begin(), numbers.end());
        }
        return all;
    }

    Context ctx_;
    std::vector<nn::Param> params_ = [] {
        std::vector<nn::Param> two;
        two.reserve(2);
        return two;
    }();
    std::vector<nn::Param*> trained_;
};

TEST_F(Optimizer, ClipsTheNormOverAllParameters) {
    AdamW clipped({.decay = 0, .clip = 1.0});
    set_gradients(2.0f);
    const AdamW::Result result = clipped.step(ctx_, trained_, 0.0, 2);
    EXPECT_NEAR(result.norm, std::sqrt(56.0), 1e-5);  // of the mean of two samples: ones
    EXPECT_EQ(params_[0].grad.data<float>()[0], 0.0f);
}

// The first step of Adam moves by the rate whatever the gradient's size, down the gradient.
TEST_F(Optimizer, FirstStepMovesByTheRate) {
    AdamW adam({.decay = 0, .clip = 0});
    const std::vector<float> before = values();
    set_gradients(0.5f);
    adam.step(ctx_, trained_, 0.01, 1);
    const std::vector<float> after = values();
    for (size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(before[i] - after[i], 0.01, 1e-6);
}

TEST_F(Optimizer, SkipsWhatIsNotFiniteAndCountsIt) {
    AdamW adam({});
    set_gradients(1.0f);
    adam.step(ctx_, trained_, 1e-3, 1);
    const std::vector<float> before = values();
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        set_gradients(1.0f);
        params_[1].grad.data<float>()[20] = bad;
        EXPECT_TRUE(adam.step(ctx_, trained_, 1e-3, 1).skipped);
        EXPECT_EQ(values(), before);
        EXPECT_EQ(params_[1].grad.data<float>()[20], 0.0f);
    }
    EXPECT_EQ(adam.steps(), 1);
    EXPECT_EQ(adam.skipped(), 2);
    set_gradients(1.0f);
    EXPECT_FALSE(adam.step(ctx_, trained_, 1e-3, 1).skipped);
    EXPECT_NE(values(), before);
}

TEST_F(Optimizer, MeanOfWeightsFollows) {
    AdamW adam({.ema = 0.9});
    const float start = values()[0];
    set_gradients(1.0f);
    adam.step(ctx_, trained_, 0.5, 1);
    EXPECT_NEAR(adam.mean(0).data<float>()[0], 0.9 * start + 0.1 * values()[0], 1e-6);
    EXPECT_FALSE(AdamW({}).mean(0).defined());
}

// Weights decay apart from the gradient: without one they shrink by rate * decay.
TEST_F(Optimizer, DecayIsDecoupled) {
    AdamW adam({.decay = 0.1});
    const std::vector<float> before = values();
    adam.step(ctx_, trained_, 0.5, 1);
    const std::vector<float> after = values();
    for (size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(after[i], before[i] * 0.95, 1e-6);
}

// At the rates of a fine-tune a step's decay is less than the spacing of floats around 1, yet a thousand steps of it
// must show: 1000 * 1e-4 * 0.01.
TEST_F(Optimizer, SmallDecayIsNotRoundedAway) {
    AdamW adam({.decay = 0.01});
    std::ranges::fill(Tensor(params_[0].value.numbers()).span<float>(), 0.9f);
    for (int step = 0; step < 1000; ++step) adam.step(ctx_, trained_, 1e-4);
    EXPECT_NEAR(values()[0] / 0.9, 1 - 1e-3, 1e-4);
}

TEST(AdamWOptions, RefusesWhatNoStepCanBeTakenWith) {
    EXPECT_THROW(AdamW({.beta1 = 1}), InvalidRequest);
    EXPECT_THROW(AdamW({.ema = 2}), InvalidRequest);
    EXPECT_THROW(AdamW({.eps = 0}), InvalidRequest);
    EXPECT_THROW(AdamW({.clip = NAN}), InvalidRequest);
}

// The last streams are still on the device when the backward begins; of one or two that is all of them.
TEST(StreamStore, GivesBackWhatItKept) {
    for (const nn::StreamPlace place : {nn::StreamPlace::device, nn::StreamPlace::host}) {
        nn::StreamStore store(DType::bf16, place);
        Context ctx;
        for (const int64_t count : {1, 2, 3, 6, 2}) {
            std::vector<Tensor> kept;
            for (int64_t i = 0; i < count; ++i) {
                Tensor x = randn(ctx, {7 + count, 5}, static_cast<uint32_t>(i));
                store.keep(ctx, x);
                kept.push_back(x);  // rounded
            }
            for (int64_t i = count; i-- > 0;) {
                const Tensor x = store.take(ctx), &expected = kept[static_cast<size_t>(i)];
                EXPECT_TRUE(std::ranges::equal(x.span<float>(), expected.span<float>())) << count << ' ' << i;
            }
            EXPECT_THROW(store.take(ctx), Error);
        }
    }
}

}  // namespace
}  // namespace t3video::training
