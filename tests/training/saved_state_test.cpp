// Runs that go on from a file as if nothing had been, and what others load of them.
#include "training/saved_state.h"

#include <algorithm>

#include "checkpoint/lora/lora.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/training.h"

namespace t3video::training {
namespace {

using namespace testing;

class SavedState : public ::testing::Test {
  protected:
    Trainer trainer(const TrainOptions& options) { return {ctx_, load_dit(), options}; }
    void train(Trainer& trainer, int64_t first, int64_t last) {
        for (int64_t step = first; step < last; ++step) {
            trainer.add(ctx_, load_sample(ctx_, step), windows_);
            trainer.update(ctx_, 1e-3);
        }
    }
    Gradients weights(Trainer& trainer) {
        Gradients all;
        trainer.dit().for_each_param("", [&](const std::string& name, nn::Param& param) {
            if (param.gradient()) all[name] = clone(ctx_, param.value.numbers());
        });
        return all;
    }
    Tensor answer(const models::WanDit& dit) {
        const Sample sample = load_sample(ctx_);
        const auto text = dit.embed_text(ctx_, sample.text.rows);
        return dit.forward(ctx_, noisy(ctx_, sample), sample.timestep, text, windows_);
    }

    Context ctx_{2};
    const t3::LayoutWindows windows_{ctx_, load_layout()};
    const TemporaryFolder folder_;
};

TEST_F(SavedState, GoesOnWithTheSameBits) {
    const TrainOptions kRuns[] = {
        {},
        {.optimizer = {.moments_in_8_bits = true, .ema = 0.9}},
        {.optimizer = {.moments_on_host = true}},
        {.adapters = AdapterOptions{.rank = 4}, .optimizer = {.ema = 0.5}},
    };
    for (const TrainOptions& options : kRuns) {
        Trainer whole = trainer(options);
        train(whole, 0, 2);
        save_state(ctx_, whole, folder_ / "state.safetensors", {{"epoch", "3"}});
        train(whole, 2, 4);
        Trainer resumed = trainer(options);
        const auto notes = load_state(ctx_, resumed, folder_ / "state.safetensors");
        EXPECT_EQ(notes, (std::map<std::string, std::string>{{"epoch", "3"}}));
        EXPECT_EQ(resumed.optimizer().steps(), 2);
        train(resumed, 2, 4);
        expect_same_bits(weights(resumed), weights(whole));
        const Tensor a = resumed.optimizer().mean(1), b = whole.optimizer().mean(1);
        ASSERT_EQ(a.defined(), b.defined());
        if (a.defined()) {
            EXPECT_TRUE(std::ranges::equal(a.span<float>(), b.span<float>()));
        }
    }
}

TEST_F(SavedState, RefusesOtherRuns) {
    Trainer adapters = trainer({.adapters = AdapterOptions{.rank = 4}});
    train(adapters, 0, 1);
    const auto file = folder_ / "state.safetensors";
    save_state(ctx_, adapters, file, {});
    Trainer all = trainer({}), wider = trainer({.adapters = AdapterOptions{.rank = 8}}),
            fewer = trainer({.adapters = AdapterOptions{.rank = 4, .targets = {"q"}}}),
            with_mean = trainer({.adapters = AdapterOptions{.rank = 4}, .optimizer = {.ema = 0.9}});
    for (Trainer* other : {&all, &wider, &fewer, &with_mean}) {
        const Gradients before = weights(*other);
        expect_invalid([&] { load_state(ctx_, *other, file); }, {"is of another run"});
        expect_same_bits(weights(*other), before);
    }
    expect_invalid([&] { load_state(ctx_, all, kTrained / "model/diffusion_pytorch_model.safetensors"); },
                   {"is no state of a training run"});
}

TEST_F(SavedState, AnExportedModelAnswersTheSame) {
    Trainer run = trainer({.optimizer = {.ema = 0.5}});
    train(run, 0, 3);
    export_model(ctx_, run, folder_ / "dit.safetensors", DType::f32);
    const auto load = [&](const char* file) {
        return models::WanDit::load(folder_ / file, kTrained / "model/config.json");
    };
    EXPECT_LT(relative_error(answer(load("dit.safetensors")), answer(run.dit())), 1e-6);
    export_model(ctx_, run, folder_ / "mean.safetensors", DType::bf16, Taken::mean);
    const double moved = relative_error(answer(load("mean.safetensors")), answer(run.dit()));
    EXPECT_GT(moved, 1e-4);
    EXPECT_THROW(export_adapters(ctx_, run, folder_ / "x.safetensors"), InvalidRequest);
    Trainer plain = trainer({});
    EXPECT_THROW(export_model(ctx_, plain, folder_ / "x.safetensors", DType::f32, Taken::mean), InvalidRequest);
}

TEST_F(SavedState, ExportedAdaptersAnswerTheSame) {
    Trainer run = trainer({.adapters = AdapterOptions{.rank = 4, .alpha = 2}});
    const Tensor before = answer(run.dit());
    train(run, 0, 3);
    export_adapters(ctx_, run, folder_ / "lora.safetensors");
    const checkpoint::Lora lora{folder_ / "lora.safetensors", 1};
    const auto merged = models::WanDit::load(kTrained / "model/diffusion_pytorch_model.safetensors",
                                             kTrained / "model/config.json", std::span(&lora, 1));
    EXPECT_LT(relative_error(answer(merged), answer(run.dit())), 1e-5);
    EXPECT_GT(relative_error(before, answer(run.dit())), 1e-3);
    const auto names = checkpoint::open_tensors(folder_ / "lora.safetensors");
    EXPECT_TRUE(names.contains("diffusion_model.blocks.0.self_attn.q.lora_A.weight"));
    EXPECT_EQ(names.at("diffusion_model.blocks.0.self_attn.q.alpha").data<float>()[0], 2.0f);
    EXPECT_THROW(export_model(ctx_, run, folder_ / "x.safetensors", DType::f32), InvalidRequest);
}

}  // namespace
}  // namespace t3video::training
