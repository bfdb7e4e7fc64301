// A small transformer, a sample for it, its gradients by name, and twenty steps of it beside PyTorch's.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"
#include "support/tensors.h"
#include "training/trainer.h"

namespace t3video::testing {

inline const std::filesystem::path kTrained = T3VIDEO_TEST_DATA "/golden/wan22-wide";

inline models::WanDit load_dit() {
    return models::WanDit::load(kTrained / "model/diffusion_pytorch_model.safetensors", kTrained / "model/config.json");
}
inline t3::WindowLayout load_layout() {
    return t3::read_layout(kTrained / "t3-layout.json");
}

// Of the reference case's clip, with noise that is rolled along the last axis.
inline training::Sample load_sample(Context& ctx, int64_t roll = 0) {
    const auto source = checkpoint::open_tensors(kTrained / "cases/train_step.safetensors");
    const auto of = [&](const char* name) {
        const Tensor x = source.at(name);
        return clone(ctx, x.reshape(Shape(x.shape().dims().subspan(1))));
    };
    const auto number = [&](const char* name) { return double{source.at(name).data<float>()[0]}; };
    training::Sample sample;
    sample.latents = of("latents");
    sample.noise = of("noise");
    sample.text.rows = of("context");
    sample.timestep = number("timestep");
    sample.sigma = number("sigma");
    sample.weight = number("weight");
    const Tensor noise = clone(ctx, sample.noise);
    const int64_t width = noise.dim(3), rows = noise.numel() / width;
    for (int64_t row = 0; row < rows; ++row) {
        for (int64_t i = 0; i < width; ++i)
            sample.noise.data<float>()[row * width + (i + roll) % width] = noise.data<float>()[row * width + i];
    }
    return sample;
}

// On a context's device.
inline training::Sample load_sample_on(Context& ctx, int64_t roll = 0) {
    Context host;
    training::Sample sample = load_sample(host, roll);
    for (Tensor* x : {&sample.latents, &sample.noise, &sample.text.rows}) *x = to_device(ctx, *x);
    return sample;
}

using Gradients = std::map<std::string, Tensor>;

// In host memory.
inline Gradients gradients_of(Context& ctx, models::WanDit& dit) {
    Gradients all;
    dit.for_each_param("", [&](const std::string& name, nn::Param& param) {
        if (param.gradient()) all[name] = to_host(ctx, clone(ctx, param.grad));
    });
    return all;
}

inline void expect_same_bits(const Gradients& a, const Gradients& b) {
    ASSERT_EQ(a.size(), b.size());
    for (const auto& [name, x] : a) EXPECT_TRUE(std::ranges::equal(x.span<float>(), b.at(name).span<float>())) << name;
}

// Losses of twenty steps on one clip, its noise rolled further each time, as tools/training_reference/curve.py takes
// them.
inline std::vector<double> loss_curve(Context& ctx, const training::TrainOptions& options) {
    const t3::LayoutWindows windows(ctx, load_layout());
    training::Trainer trainer(ctx, load_dit(), options);
    constexpr double kSigmas[] = {0.95, 0.5, 0.75, 0.25, 0.6, 0.1, 0.85, 0.4, 0.7, 0.3};
    std::vector<double> losses;
    for (int64_t step = 0; step < 20; ++step) {
        training::Sample sample = load_sample_on(ctx, step);
        sample.sigma = kSigmas[step % 10];
        sample.timestep = 1000 * sample.sigma;
        sample.weight = 1;
        losses.push_back(trainer.add(ctx, sample, windows).loss);
        EXPECT_FALSE(trainer.update(ctx, 5e-4).skipped);
    }
    return losses;
}

// PyTorch's, in "f64", "f32", "bf16" or "bf16_stream".
inline std::vector<double> reference_curve(const char* name) {
    return nlohmann::json::parse(std::ifstream(T3VIDEO_TEST_DATA "/training/curve.json")).at("losses").at(name);
}

// The largest relative one.
inline double difference_of(const std::vector<double>& a, const std::vector<double>& b) {
    double largest = 0;
    for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] / b.at(i) - 1));
    return largest;
}

}  // namespace t3video::testing
