// Random weights: types as in files, deviations that keep activations in range, the same values however they are kept.
#include "film/published.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/convert.h"
#include "support/errors.h"
#include "support/tensors.h"

namespace t3video::film {
namespace {

using namespace testing;

models::DitConfig small() {
    models::DitConfig c = wan21_1_3b();
    c.dim = 64;
    c.heads = 2;
    c.layers = 2;
    c.ffn_dim = 160;
    c.text_dim = 96;
    return c;
}

struct Moments {
    double mean = 0, deviation = 0;
};

Moments moments(const Tensor& x) {
    Context ctx;
    Moments m;
    double squares = 0;
    const auto values = doubles(ctx, x);
    for (const double value : values) {
        m.mean += value / double(values.size());
        squares += value * value / double(values.size());
    }
    m.deviation = std::sqrt(squares - m.mean * m.mean);
    return m;
}

TEST(Published, RandomWeightsAreOfTheTypesOfFiles) {
    Context ctx;
    auto dit = prepared_at_random(ctx, models::WanDit(small()), nn::Residency::resident);
    dit.for_each_param("", [&](const std::string& name, const nn::Param& param) {
        EXPECT_EQ(param.value.shape(), param.shape) << name;
        EXPECT_EQ(param.value.numbers().dtype(),
                  param.role == nn::Role::matrix && param.shape.rank() == 2 ? DType::bf16 : DType::f32)
            << name;
        if (param.shape.numel() < 4000) return;
        const double fan_in = double(param.shape.numel() / param.shape.dim(0));
        EXPECT_NEAR(moments(param.value.numbers()).deviation * std::sqrt(fan_in), 1, 0.05) << name;
    });
}

TEST(Published, KeepsTheSameWeightsPacked) {
    Context ctx;
    auto resident = prepared_at_random(ctx, models::WanDit(small()), nn::Residency::resident),
         packed = prepared_at_random(ctx, models::WanDit(small()), nn::Residency::packed);
    std::map<std::string, std::vector<double>> values;
    resident.for_each_param(
        "", [&](const std::string& name, const nn::Param& p) { values[name] = doubles(ctx, p.value.numbers()); });
    packed.for_each_param("", [&](const std::string& name, const nn::Param& p) {
        EXPECT_EQ(doubles(ctx, p.value.numbers()), values[name]) << name;
        EXPECT_EQ(p.prepared.defined(), name.starts_with("blocks.") && p.role == nn::Role::matrix) << name;
    });
}

TEST(Published, Names) {
    expect_invalid([] { published_networks("wan3"); }, {"published wan3", "wan2.1-1.3b or wan2.2-5b"});
    EXPECT_EQ(published_networks("wan2.2-5b").traits().cell, 32);
}

}  // namespace
}  // namespace t3video::film
