// Training steps on the GPU: beside PyTorch's, beside the CPU's, and the same bits wherever things wait.
#include <cstring>

#include "cuda/parity.h"
#include "support/training.h"

namespace t3video {
namespace {

using namespace testing;
using namespace training;

// On a context of its own: copies beside the work are the device allocator's.
class TrainingOnGpu : public ::testing::TestWithParam<DType> {
  protected:
    void SetUp() override {
        if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
        gpu_.emplace(cuda::make_backend(0, GetParam(), size_t{4} << 30), 1);
    }
    Context& gpu() { return *gpu_; }

    // Of two steps, so that an update lies in between.
    Gradients gradients(const TrainOptions& options) {
        const t3::LayoutWindows windows(gpu(), load_layout());
        Trainer trainer(gpu(), load_dit(), options);
        trainer.add(gpu(), load_sample_on(gpu()), windows);
        trainer.update(gpu(), 1e-3);
        trainer.add(gpu(), load_sample_on(gpu(), 1), windows);
        return gradients_of(gpu(), trainer.dit());
    }

    std::optional<Context> gpu_;
};

TEST_P(TrainingOnGpu, FollowsPyTorch) {
    const std::vector<double> losses = loss_curve(gpu(), {.stream = DType::f32});
    const double difference = difference_of(losses, reference_curve("f64"));
    RecordProperty("difference", std::to_string(difference));
    EXPECT_LT(difference, GetParam() == DType::f32 ? 1e-4 : 5e-3);
    if (GetParam() == DType::f32) return;
    const double rounded = difference_of(loss_curve(gpu(), {}), reference_curve("f64"));
    std::printf("bf16: losses of 20 steps differ from PyTorch's in f64 by %.2e at most, %.2e with a stream of bf16\n",
                difference, rounded);
    EXPECT_LT(rounded, 8e-3);
}

TEST_P(TrainingOnGpu, GradientsAreThoseOfTheCpu) {
    Context cpu;
    const t3::LayoutWindows windows(cpu, load_layout()), on_gpu(gpu(), load_layout());
    Trainer expected(cpu, load_dit(), {}), trainer(gpu(), load_dit(), {});
    for (const bool first_frame : {false, true}) {
        Sample sample = load_sample(cpu), same = load_sample_on(gpu());
        sample.first_frame = same.first_frame = first_frame;
        expected.add(cpu, sample, windows);
        trainer.add(gpu(), same, on_gpu);
    }
    const Gradients reference = gradients_of(cpu, expected.dit());
    for (const auto& [name, x] : gradients_of(gpu(), trainer.dit()))
        EXPECT_LT(relative_error(x, reference.at(name)), GetParam() == DType::f32 ? 2e-5 : 6e-2) << name;
}

// Samples of prompts and noise levels of their own in one pass, beside those one by one on the CPU.
TEST_P(TrainingOnGpu, SamplesTogetherAreTheirSumOnTheCpu) {
    Context cpu;
    for (const bool full : {false, true}) {
        const t3::WindowLayout layout = full ? t3::full_attention(load_layout().grid) : load_layout();
        const t3::LayoutWindows windows(cpu, layout), on_gpu(gpu(), layout, 3);
        for (const int clean : {0, 1, 3}) {  // samples whose first frame is
            SCOPED_TRACE(concat(full ? "full attention" : "windows", ", ", clean, " first frames"));
            const TrainOptions options{.deterministic = true};
            Trainer expected(cpu, load_dit(), options), trainer(gpu(), load_dit(), options),
                again(gpu(), load_dit(), options);
            std::vector<Sample> samples;
            std::vector<double> losses;
            for (int64_t i = 0; i < 3; ++i) {
                Sample sample = load_sample(cpu, i), same = load_sample_on(gpu(), i);
                for (Sample* s : {&sample, &same}) {
                    s->text = {s->text.rows.slice(0, 40 - 11 * i), i * 3};
                    s->sigma = 0.2 + 0.3 * static_cast<double>(i);
                    s->timestep = 1000 * s->sigma;
                    s->weight = 0.5 * static_cast<double>(i + 1);
                    s->first_frame = i < clean;
                }
                losses.push_back(expected.add(cpu, sample, windows).loss);
                samples.push_back(same);
            }
            const auto results = trainer.add(gpu(), samples, on_gpu);
            const bool exact = GetParam() == DType::f32;
            for (size_t i = 0; i < 3; ++i)
                EXPECT_NEAR(results[i].loss, losses[i], (exact ? 1e-5 : 2e-2) * losses[i]) << i;
            const Gradients reference = gradients_of(cpu, expected.dit()), found = gradients_of(gpu(), trainer.dit());
            for (const auto& [name, x] : found)
                EXPECT_LT(relative_error(x, reference.at(name)), exact ? 2e-5 : 6e-2) << name;
            again.add(gpu(), samples, on_gpu);
            expect_same_bits(found, gradients_of(gpu(), again.dit()));
        }
    }
}

TEST_P(TrainingOnGpu, SamplesTogetherTakeWhatIsPlanned) {
    constexpr int64_t kSamples = 5;
    const plan::Machine machine{.device = gpu().traits(), .compute_type = GetParam()};
    std::vector<Sample> samples;
    for (int64_t i = 0; i < kSamples; ++i) {
        samples.push_back(load_sample_on(gpu(), i));
        samples.back().text.padding = 9;
    }
    const StepPlan plan = plan_step(load_dit(), load_layout(), samples[0].latents.shape(), samples[0].text.rows.dim(0),
                                    9, {}, machine, kSamples);
    const t3::LayoutWindows windows(gpu(), load_layout(), kSamples);
    gpu().allocator().reset_peak();
    const size_t before = gpu().allocator().peak();
    Trainer trainer(gpu(), load_dit(), {});
    for (int step = 0; step < 2; ++step) {
        trainer.add(gpu(), samples, windows);
        trainer.update(gpu(), 1e-3);
    }
    EXPECT_LE(gpu().allocator().peak() - before, plan.bytes + (size_t{1} << 20));
}

TEST_P(TrainingOnGpu, DeterministicStepsRepeat) {
    const TrainOptions options{.deterministic = true};
    expect_same_bits(gradients(options), gradients(options));
}

TEST_P(TrainingOnGpu, WhereThingsWaitChangesNoBit) {
    const Gradients all = gradients({.deterministic = true});
    expect_same_bits(
        all,
        gradients({.streams = nn::StreamPlace::host, .deterministic = true, .optimizer = {.moments_on_host = true}}));
}

TEST_P(TrainingOnGpu, AdaptersTrainOverStreamedWeights) {
    TrainOptions options{.adapters = AdapterOptions{.rank = 8}, .deterministic = true};
    const Gradients resident = gradients(options);
    options.frozen = nn::Residency::streamed;
    expect_same_bits(resident, gradients(options));
}

TEST_P(TrainingOnGpu, TakesWhatIsPlanned) {
    for (const nn::StreamPlace place : {nn::StreamPlace::device, nn::StreamPlace::host}) {
        const TrainOptions options{.streams = place};
        const plan::Machine machine{.device = gpu().traits(), .compute_type = GetParam()};
        const Sample sample = load_sample_on(gpu());
        const StepPlan plan =
            plan_step(load_dit(), load_layout(), sample.latents.shape(), sample.text.rows.dim(0), 0, options, machine);
        gpu().allocator().reset_peak();
        const size_t before = gpu().allocator().peak();
        gradients(options);
        EXPECT_LE(gpu().allocator().peak() - before, plan.bytes + sample.latents.bytes() * 2 + (size_t{1} << 20));
    }
}

INSTANTIATE_TEST_SUITE_P(Types, TrainingOnGpu, ::testing::Values(DType::f32, DType::bf16),
                         [](const auto& one) { return one.param == DType::f32 ? "f32" : "bf16"; });

}  // namespace
}  // namespace t3video
