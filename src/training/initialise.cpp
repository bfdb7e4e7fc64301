// Wan's initial weights.
#include "training/initialise.h"

#include <algorithm>
#include <cmath>

#include "core/hash_uniform.h"

namespace t3video::training {
namespace {

struct Draws {
    uint64_t seed;

    void uniform(std::span<float> values, float bound) const {
        for (size_t i = 0; i < values.size(); ++i) values[i] = bound * hash_symmetric(seed, i);
    }
    void normal(std::span<float> values, float deviation) const {
        for (size_t i = 0; i < values.size(); ++i) values[i] = deviation * hash_normal(seed, i);
    }
};

void fill(const std::string& name, const nn::Param& param, const Draws& draws, std::span<float> values) {
    const Shape& shape = param.shape;
    const auto is = [&](const char* part) { return name.find(part) != std::string::npos; };
    if (name.ends_with("modulation")) {
        draws.normal(values, 1 / std::sqrt(static_cast<float>(shape[shape.rank() - 1])));
    } else if (name.starts_with("head.") || name.ends_with(".bias")) {
        std::ranges::fill(values, 0.0f);
    } else if (is("norm")) {
        std::ranges::fill(values, 1.0f);
    } else if (is("text_embedding") || is("time_embedding")) {
        draws.normal(values, 0.02f);
    } else {
        const auto in = static_cast<float>(shape.numel() / shape[0]), out = static_cast<float>(shape[0]);
        draws.uniform(values, std::sqrt(6 / (in + out)));
    }
}

}  // namespace

void initialise(models::WanDit& dit, uint64_t seed) {
    uint64_t number = 0;
    dit.for_each_param("", [&](const std::string& name, nn::Param& param) {
        Tensor value = empty_on_host(param.shape);
        fill(name, param, {mix_bits(seed) + number++}, value.span<float>());
        param.value = value;
    });
}

}  // namespace t3video::training
