// Random operands and error measures for tests of arithmetic.
#pragma once

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "ops/convert.h"
#include "tensor/tensor.h"

namespace t3video::testing {

// Standard normals, the same for the same seed, rounded to `dtype`.
inline Tensor randn(Context& ctx, Shape shape, uint32_t seed, DType dtype = DType::f32) {
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal;
    Tensor x = empty(ctx, shape);
    for (float& value : x.span<float>()) value = normal(engine);
    return ops::convert(ctx, x, dtype);
}

inline std::vector<double> doubles(Context& ctx, const Tensor& x) {
    const Tensor f = ops::convert(ctx, x, DType::f32);
    return {f.span<float>().begin(), f.span<float>().end()};
}

// ||x - reference|| / ||reference||; NaN if any element is.
inline double relative_error(const Tensor& x, const std::vector<double>& reference) {
    const auto values = x.span<float>();
    if (values.size() != reference.size()) return std::numeric_limits<double>::infinity();
    double difference = 0, norm = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        difference += (values[i] - reference[i]) * (values[i] - reference[i]);
        norm += reference[i] * reference[i];
    }
    return std::sqrt(difference / std::max(norm, 1e-300));
}

inline double relative_error(const Tensor& x, const Tensor& reference) {
    const auto values = reference.span<float>();
    return relative_error(x, std::vector<double>(values.begin(), values.end()));
}

}  // namespace t3video::testing
