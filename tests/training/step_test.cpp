// A training step: gradients add up and repeat, adapters follow the chain rule, where things wait changes no bit.
#include "training/step.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <utility>

#include "ops/layout.h"
#include "support/files.h"
#include "support/training.h"

namespace t3video::training {
namespace {

using namespace testing;

class TrainStep : public ::testing::Test {
  protected:
    // Gradients of samples, one after another, by a trainer of its own.
    Gradients gradients(const std::vector<Sample>& samples, const TrainOptions& options = {}) {
        Trainer trainer(ctx_, load_dit(), options);
        for (const Sample& sample : samples) trainer.add(ctx_, sample, windows_);
        return gradients_of(ctx_, trainer.dit());
    }

    Context ctx_;
    t3::LayoutWindows windows_{ctx_, load_layout()};
};

TEST_F(TrainStep, FourSamplesGiveTheSumOfTheirGradients) {
    std::vector<Sample> samples;
    for (int64_t i = 0; i < 4; ++i) samples.push_back(load_sample(ctx_, i));
    samples[1].sigma = 0.3;
    samples[1].timestep = 300;
    samples[2].first_frame = true;
    const Gradients together = gradients(samples);
    std::map<std::string, std::vector<double>> sums;
    for (const Sample& sample : samples) {
        for (const auto& [name, x] : gradients({sample})) {
            std::vector<double>& sum = sums[name];
            sum.resize(static_cast<size_t>(x.numel()));
            for (size_t i = 0; i < sum.size(); ++i) sum[i] += x.span<float>()[i];
        }
    }
    for (const auto& [name, x] : together) EXPECT_LT(relative_error(x, sums.at(name)), 1e-6) << name;
}

TEST_F(TrainStep, TwoRunsGiveTheSameBits) {
    expect_same_bits(gradients({load_sample(ctx_)}), gradients({load_sample(ctx_)}));
}

TEST_F(TrainStep, WhereStreamsWaitChangesNoBit) {
    for (const DType stream : {DType::f32, DType::bf16}) {
        const TrainOptions device{.stream = stream}, host{.stream = stream, .streams = nn::StreamPlace::host};
        const std::vector<Sample> two{load_sample(ctx_), load_sample(ctx_, 1)};
        expect_same_bits(gradients(two, device), gradients(two, host));
    }
}

// A stream rounded to bf16 is another function, whose backward sees what its forward saw: both by that rounding from
// those of f32, and neither equal.
TEST_F(TrainStep, StreamOfBf16IsRoundedInTheForward) {
    std::map<DType, StepResult> results;
    std::map<DType, Gradients> all;
    for (const DType stream : {DType::f32, DType::bf16}) {
        Trainer trainer(ctx_, load_dit(), {.stream = stream});
        results[stream] = trainer.add(ctx_, load_sample(ctx_), windows_);
        all[stream] = gradients_of(ctx_, trainer.dit());
    }
    const double error = relative_error(results[DType::bf16].velocity, results[DType::f32].velocity);
    EXPECT_GT(error, 1e-4);
    EXPECT_LT(error, 1e-2);
    for (const auto& [name, x] : all[DType::bf16]) EXPECT_LT(relative_error(x, all[DType::f32].at(name)), 3e-2) << name;
}

// The last row of a prompt that stands for many gives what the many give.
TEST_F(TrainStep, PaddingOfAPromptCountsAsOftenAsItIs) {
    constexpr int64_t kPadding = 9;
    Sample merged = load_sample(ctx_), whole = load_sample(ctx_);
    merged.text.padding = kPadding;
    whole.text.rows = ops::concat(ctx_, std::array{whole.text.rows, zeros(ctx_, {kPadding, whole.text.rows.dim(1)})});
    const Gradients expected = gradients({whole});
    for (const auto& [name, x] : gradients({merged})) EXPECT_LT(relative_error(x, expected.at(name)), 2e-5) << name;
}

// With W + scale B A as the weight of a model that is trained as a whole:
// dA = scale B^T dW, dB = scale dW A^T.
TEST_F(TrainStep, AdaptersFollowTheChainRule) {
    constexpr int64_t kRank = 3;
    const TrainOptions options{.adapters = AdapterOptions{.rank = kRank, .alpha = 6, .seed = 4}};
    Trainer adapted(ctx_, load_dit(), options);
    models::WanDit merged = load_dit();
    train_all(ctx_, merged);
    std::map<std::string, std::pair<Tensor, Tensor>> matrices;
    uint32_t seed = 0;
    adapted.dit().for_each_linear("", [&](const std::string& name, nn::Linear& linear) {
        ASSERT_TRUE(linear.adapter) << name;
        Tensor b = linear.adapter->b.value.numbers();
        const Tensor random = randn(ctx_, b.shape(), ++seed);
        for (int64_t i = 0; i < b.numel(); ++i) b.data<float>()[i] = 0.02f * random.data<float>()[i];
        matrices[name] = {linear.adapter->a.value.numbers(), b};
    });
    ASSERT_EQ(matrices.size(), 3u * 10u);
    constexpr double kScale = 6.0 / kRank;
    merged.for_each_linear("", [&](const std::string& name, nn::Linear& linear) {
        const auto& [a, b] = matrices.at(name);
        Tensor w = linear.weight.value.numbers();
        for (int64_t o = 0; o < w.dim(0); ++o) {
            for (int64_t i = 0; i < w.dim(1); ++i) {
                double sum = 0;
                for (int64_t r = 0; r < kRank; ++r)
                    sum += double{b.data<float>()[o * kRank + r]} * a.data<float>()[r * w.dim(1) + i];
                w.data<float>()[o * w.dim(1) + i] += static_cast<float>(kScale * sum);
            }
        }
    });
    const Sample sample = load_sample(ctx_);
    adapted.add(ctx_, sample, windows_);
    models::DitTape tape = make_tape(ctx_);
    train_sample(ctx_, merged, sample, windows_, tape);
    const Gradients of_adapters = gradients_of(ctx_, adapted.dit()), of_weights = gradients_of(ctx_, merged);
    EXPECT_EQ(of_adapters.size(), 2 * matrices.size());  // all else is frozen
    for (const auto& [name, pair] : matrices) {
        const auto& [a, b] = pair;
        const Tensor& dw = of_weights.at(name + ".weight");
        const int64_t out = dw.dim(0), in = dw.dim(1);
        std::vector<double> da(static_cast<size_t>(kRank * in)), db(static_cast<size_t>(out * kRank));
        for (int64_t o = 0; o < out; ++o) {
            for (int64_t i = 0; i < in; ++i) {
                const double d = kScale * dw.data<float>()[o * in + i];
                for (int64_t r = 0; r < kRank; ++r) {
                    da[static_cast<size_t>(r * in + i)] += d * b.data<float>()[o * kRank + r];
                    db[static_cast<size_t>(o * kRank + r)] += d * a.data<float>()[r * in + i];
                }
            }
        }
        EXPECT_LT(relative_error(of_adapters.at(name + ".lora_A.weight"), da), 2e-5) << name;
        EXPECT_LT(relative_error(of_adapters.at(name + ".lora_B.weight"), db), 2e-5) << name;
    }
}

TEST_F(TrainStep, NewAdaptersChangeNothing) {
    Trainer whole(ctx_, load_dit(), {}), adapted(ctx_, load_dit(), {.adapters = AdapterOptions{.rank = 4}});
    const Sample sample = load_sample(ctx_);
    EXPECT_LT(relative_error(adapted.add(ctx_, sample, windows_).velocity, whole.add(ctx_, sample, windows_).velocity),
              1e-6);
    const Gradients all = gradients_of(ctx_, adapted.dit());
    double largest_b = 0;
    for (const auto& [name, x] : all) {
        for (const float value : x.span<float>()) {
            if (name.ends_with("lora_A.weight")) {
                EXPECT_EQ(value, 0.0f) << name;  // B is zero
            }
            if (name.ends_with("lora_B.weight")) largest_b = std::max(largest_b, std::abs(double{value}));
        }
    }
    EXPECT_GT(largest_b, 0);
}

// Floats behind a rule, as those of quantised files are.
class Halves final : public Encoding {
  public:
    explicit Halves(std::vector<float> twice) : twice_(std::move(twice)) {}
    std::string name() const override { return "halves"; }
    size_t bytes() const override { return twice_.size() * sizeof(float); }
    int64_t group() const override { return 1; }
    void decode(int64_t first, int64_t count, float* values) const override {
        for (int64_t i = 0; i < count; ++i) values[i] = 0.5f * twice_[static_cast<size_t>(first + i)];
    }

  private:
    std::vector<float> twice_;
};

// Frozen weights may stay encoded: only the gradient that passes through them is asked for.
TEST_F(TrainStep, AdaptersTrainOverEncodedWeights) {
    const TrainOptions options{.adapters = AdapterOptions{.rank = 2}};
    Trainer plain(ctx_, load_dit(), options);
    models::WanDit dit = load_dit();
    dit.for_each_linear("", [&](const std::string&, nn::Linear& linear) {
        std::vector<float> twice;
        for (const double value : doubles(ctx_, linear.weight.value.numbers()))
            twice.push_back(static_cast<float>(2 * value));
        linear.weight.value = Stored(linear.weight.shape, std::make_shared<Halves>(twice));
    });
    Trainer encoded(ctx_, std::move(dit), options);
    for (Trainer* trainer : {&plain, &encoded}) {
        for (int64_t step = 0; step < 2; ++step) {
            trainer->add(ctx_, load_sample(ctx_, step), windows_);
            if (step == 0) trainer->update(ctx_, 1e-2);
        }
    }
    expect_same_bits(gradients_of(ctx_, plain.dit()), gradients_of(ctx_, encoded.dit()));
}

TEST_F(TrainStep, TargetsAreEndsOfNames) {
    const auto count = [&](std::vector<std::string> targets) {
        models::WanDit dit = load_dit();
        return train_adapters(ctx_, dit, {.rank = 2, .targets = std::move(targets)});
    };
    EXPECT_EQ(count({"q"}), 6);
    EXPECT_EQ(count({"self_attn.q", "ffn.2"}), 6);
    EXPECT_EQ(count({"blocks.1.cross_attn.o"}), 1);
    EXPECT_THROW(count({"q", "self_attn.w"}), InvalidRequest);
    EXPECT_THROW(count({"ttn.q"}), InvalidRequest);
    EXPECT_THROW(count({}), InvalidRequest);
}

// The step begins anew: nothing of it, nor of samples before it, is left.
TEST_F(TrainStep, ASampleThatFailsEndsTheStep) {
    Trainer trainer(ctx_, load_dit(), {});
    const Sample good = load_sample(ctx_);
    Sample bad = good;
    bad.noise = bad.noise.slice(0, 4);
    trainer.add(ctx_, good, windows_);
    EXPECT_THROW(trainer.add(ctx_, bad, windows_), Error);
    // In the forward and in the backward, where a stop or the end of memory would be.
    int64_t ops = 0, last = INT64_MAX;
    ctx_.set_poll([&] {
        if (++ops > last) throw std::runtime_error("stopped");
    });
    trainer.add(ctx_, good, windows_);
    const int64_t all = ops;
    for (const int64_t part : {all / 6, all * 3 / 4}) {
        ops = 0;
        last = part;
        EXPECT_THROW(trainer.add(ctx_, good, windows_), std::runtime_error);
    }
    ctx_.set_poll({});
    trainer.add(ctx_, good, windows_);
    expect_same_bits(gradients_of(ctx_, trainer.dit()), gradients({good}));
}

TEST_F(TrainStep, RefusesWhatIsNoSample) {
    Trainer trainer(ctx_, load_dit(), {});
    for (const auto& spoil : std::initializer_list<std::function<void(Sample&)>>{
             [](Sample& s) { s.sigma = 1.1; }, [](Sample& s) { s.sigma = NAN; }, [](Sample& s) { s.timestep = -1; },
             [](Sample& s) { s.weight = INFINITY; }}) {
        Sample sample = load_sample(ctx_);
        spoil(sample);
        EXPECT_THROW(trainer.add(ctx_, sample, windows_), Error);
    }
    EXPECT_THROW(trainer.update(ctx_, 1e-3), Error);  // no sample came through
    EXPECT_THROW(Trainer(ctx_, load_dit(), {.adapters = AdapterOptions{}, .frozen = nn::Residency::packed}), Error);
}

// Files of 32 bits are mapped, and what is trained is a copy.
TEST_F(TrainStep, FilesOf32BitsAreTrainedAsOthers) {
    const TemporaryFolder folder;
    models::WanDit dit = load_dit();
    std::map<std::string, Tensor> tensors;
    dit.for_each_param("", [&](const std::string& name, nn::Param& param) {
        tensors[name] = ops::convert(ctx_, param.value, DType::f32);
    });
    checkpoint::save_safetensors(folder / "dit.safetensors", tensors);
    Trainer trainer(ctx_, models::WanDit::load(folder / "dit.safetensors", kTrained / "model/config.json"), {});
    trainer.add(ctx_, load_sample(ctx_), windows_);
    expect_same_bits(gradients_of(ctx_, trainer.dit()), gradients({load_sample(ctx_)}));
    trainer.update(ctx_, 1e-2);
    const Tensor before = checkpoint::open_tensors(folder / "dit.safetensors").at("head.head.weight");
    EXPECT_TRUE(std::ranges::equal(before.span<float>(), std::as_const(tensors.at("head.head.weight")).span<float>()));
}

}  // namespace
}  // namespace t3video::training
