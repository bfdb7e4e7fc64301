// Several samples in one pass give what they give one by one, and the same bits every time.
#include <algorithm>
#include <initializer_list>
#include <tuple>

#include "support/training.h"

namespace t3video::training {
namespace {

using namespace testing;

// Three samples that differ in all that may differ.
std::vector<Sample> three(Context& ctx, std::initializer_list<bool> first_frames) {
    std::vector<Sample> samples;
    for (const bool first_frame : first_frames) {
        const auto i = static_cast<int64_t>(samples.size());
        Sample& sample = samples.emplace_back(load_sample(ctx, 2 * i + 1));
        constexpr int64_t kRows[] = {40, 7, 23}, kPadding[] = {0, 9, 1};
        constexpr double kSigmas[] = {0.9, 0.35, 0.6}, kWeights[] = {0.5, 1.75, 1.0};
        const auto at = static_cast<size_t>(i);
        sample.text = {sample.text.rows.slice(0, kRows[at]), kPadding[at]};
        sample.sigma = kSigmas[at];
        sample.timestep = 1000 * kSigmas[at];
        sample.weight = kWeights[at];
        sample.first_frame = first_frame;
        for (float& value : sample.latents.span<float>()) value *= 1 + 0.25f * static_cast<float>(i);
    }
    return samples;
}

constexpr int64_t kSamples = 3;

// `f` throws an Error that names all of `parts`.
template <class F>
void expect_error(F&& f, const std::vector<std::string>& parts) {
    try {
        f();
        ADD_FAILURE() << "accepted, expected: " << ::testing::PrintToString(parts);
    } catch (const Error& error) {
        for (const std::string& part : parts)
            EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << "\n" << error.what();
    }
}

// As relative_error, and of the worst element beside the largest one.
double error(const Tensor& x, const std::vector<double>& reference) {
    double worst = 0, largest = 0;
    for (size_t i = 0; i < reference.size(); ++i) {
        worst = std::max(worst, std::abs(x.span<float>()[i] - reference[i]));
        largest = std::max(largest, std::abs(reference[i]));
    }
    return std::max(relative_error(x, reference), worst / std::max(largest, 1e-300));
}

enum class Frames { none, all, some };
using BatchCase = std::tuple<bool, Frames, bool, t3::RowOrder>;

class Batch : public ::testing::TestWithParam<BatchCase> {
  protected:
    Trainer trainer() {
        if (!adapters) return {ctx_, load_dit(), options_};
        TrainOptions options = options_;
        options.adapters = AdapterOptions{.rank = 3, .seed = 5};
        Trainer made(ctx_, load_dit(), options);
        uint32_t seed = 0;  // so that gradients reach the matrices that an adapter has in front
        made.dit().for_each_linear("", [&](const std::string&, nn::Linear& linear) {
            Tensor b = linear.adapter->b.value.numbers();
            const Tensor random = randn(ctx_, b.shape(), ++seed);
            for (int64_t i = 0; i < b.numel(); ++i) b.data<float>()[i] = 0.02f * random.data<float>()[i];
        });
        return made;
    }

    Context ctx_{2};
    const bool windowed = std::get<0>(GetParam()), adapters = std::get<2>(GetParam());
    const Frames frames = std::get<1>(GetParam());
    const t3::WindowLayout layout_ = windowed ? load_layout() : t3::full_attention(load_layout().grid);
    const t3::LayoutWindows alone_{ctx_, layout_, std::get<3>(GetParam())},
        together_{ctx_, layout_, std::get<3>(GetParam()), kSamples};
    const TrainOptions options_ = {.stream = DType::f32};
    const std::vector<Sample> samples_ = frames == Frames::none  ? three(ctx_, {false, false, false})
                                         : frames == Frames::all ? three(ctx_, {true, true, true})
                                                                 : three(ctx_, {false, true, false});
};

TEST_P(Batch, GivesTheSumOfItsSamples) {
    Trainer batch = trainer();
    const std::vector<StepResult> results = batch.add(ctx_, samples_, together_);
    ASSERT_EQ(results.size(), samples_.size());
    std::map<std::string, std::vector<double>> sums;
    for (size_t i = 0; i < samples_.size(); ++i) {
        Trainer single = trainer();
        const StepResult expected = single.add(ctx_, samples_[i], alone_);
        EXPECT_NEAR(results[i].loss, expected.loss, 1e-6 * expected.loss) << i;
        EXPECT_EQ(results[i].velocity.shape(), expected.velocity.shape());
        EXPECT_LT(error(results[i].velocity, doubles(ctx_, expected.velocity)), 1e-5) << i;
        for (const auto& [name, x] : gradients_of(ctx_, single.dit())) {
            std::vector<double>& sum = sums[name];
            sum.resize(static_cast<size_t>(x.numel()));
            for (size_t k = 0; k < sum.size(); ++k) sum[k] += x.span<float>()[k];
        }
    }
    const Gradients together = gradients_of(ctx_, batch.dit());
    ASSERT_EQ(together.size(), sums.size());
    for (const auto& [name, x] : together) EXPECT_LT(error(x, sums.at(name)), 2e-5) << name;
}

TEST_P(Batch, GivesTheSameBitsAgain) {
    Trainer one = trainer(), other = trainer();
    const auto a = one.add(ctx_, samples_, together_), b = other.add(ctx_, samples_, together_);
    for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].loss, b[i].loss);
    expect_same_bits(gradients_of(ctx_, one.dit()), gradients_of(ctx_, other.dit()));
}

std::string name_of_case(const ::testing::TestParamInfo<BatchCase>& one) {
    const auto& [windowed, frames, adapters, order] = one.param;
    return std::string(windowed ? "windows" : "full") + (order == t3::RowOrder::windows ? "_reordered" : "") +
           (frames == Frames::none  ? ""
            : frames == Frames::all ? "_first_frames"
                                    : "_a_first_frame") +
           (adapters ? "_adapters" : "");
}

constexpr auto kTokens = t3::RowOrder::tokens, kWindows = t3::RowOrder::windows;

INSTANTIATE_TEST_SUITE_P(
    Cases, Batch,
    ::testing::Values(BatchCase{false, Frames::none, false, kTokens}, BatchCase{false, Frames::some, false, kTokens},
                      BatchCase{false, Frames::all, true, kWindows}, BatchCase{true, Frames::none, false, kTokens},
                      BatchCase{true, Frames::none, true, kWindows}, BatchCase{true, Frames::some, false, kWindows},
                      BatchCase{true, Frames::all, false, kWindows}, BatchCase{true, Frames::some, true, kTokens}),
    name_of_case);

class BatchRules : public ::testing::Test {
  protected:
    Context ctx_;
    const t3::LayoutWindows one_{ctx_, load_layout()}, two_{ctx_, load_layout(), 2};
};

TEST_F(BatchRules, OneHasTheBitsOfASample) {
    Trainer batch(ctx_, load_dit(), {}), single(ctx_, load_dit(), {});
    const std::vector<Sample> samples{load_sample(ctx_)};
    const StepResult a = batch.add(ctx_, samples, one_).at(0), b = single.add(ctx_, samples[0], one_);
    EXPECT_EQ(a.loss, b.loss);
    EXPECT_TRUE(std::ranges::equal(a.velocity.span<float>(), b.velocity.span<float>()));
    expect_same_bits(gradients_of(ctx_, batch.dit()), gradients_of(ctx_, single.dit()));
}

// The mean over all samples is what becomes an update, however they came.
TEST_F(BatchRules, AnUpdateCountsEverySample) {
    Trainer batch(ctx_, load_dit(), {}), single(ctx_, load_dit(), {});
    const std::vector<Sample> samples{load_sample(ctx_), load_sample(ctx_, 1)};
    batch.add(ctx_, samples, two_);
    for (const Sample& sample : samples) single.add(ctx_, sample, one_);
    const double norm = single.update(ctx_, 1e-3).norm;
    EXPECT_NEAR(batch.update(ctx_, 1e-3).norm, norm, 1e-5 * norm);
}

TEST_F(BatchRules, SamplesMustFitEachOtherAndTheWindows) {
    Trainer trainer(ctx_, load_dit(), {});
    const Sample good = load_sample(ctx_);
    Sample shorter = good;
    const Shape& s = good.latents.shape();
    shorter.latents = zeros(ctx_, {s[0], s[1] - 1, s[2], s[3]});
    shorter.noise = shorter.latents;
    const auto add = [&](const std::vector<Sample>& samples, const t3::LayoutWindows& windows) {
        trainer.add(ctx_, samples, windows);
    };
    expect_error([&] { add({good, shorter}, two_); }, {"[48, 2, 16, 24]", "[48, 3, 16, 24]"});
    expect_error([&] { add({good, good}, one_); }, {"windows of 1 grids", "latents of 2 grids"});
    expect_error([&] { add({good}, two_); }, {"windows of 2 grids", "latents of 1 grids"});
    EXPECT_THROW(add({}, one_), Error);
    Sample no_sample = good;
    no_sample.sigma = 2;
    EXPECT_THROW(add({good, no_sample}, two_), Error);
    // Nothing of them is left.
    add({good}, one_);
    Trainer fresh(ctx_, load_dit(), {});
    fresh.add(ctx_, good, one_);
    expect_same_bits(gradients_of(ctx_, trainer.dit()), gradients_of(ctx_, fresh.dit()));
}

TEST_F(BatchRules, CleanFramesAreAsManyWhereThereAreSome) {
    const models::WanDit dit = load_dit();
    const Sample sample = load_sample(ctx_);
    models::DitTape tape = make_tape(ctx_);
    const std::vector<Sample> both{sample, sample};
    const auto forward = [&](int64_t a, int64_t b) {
        const std::vector<models::DitSample> samples{{500, sample.text, {a}}, {500, sample.text, {b}}};
        dit.forward(ctx_, noisy(ctx_, both), samples, two_, tape);
    };
    forward(0, 2);
    expect_error([&] { forward(1, 2); }, {"1 clean frames beside 2"});
}

}  // namespace
}  // namespace t3video::training
