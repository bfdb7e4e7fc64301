// Random operands and error measures for tests of arithmetic.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
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

// How far the error of the worst row of the last axis may lie above that of the whole. Rounding is spread evenly: in
// the reference cases the worst of up to 2304 rows lies 1.4 to 3.7 times above. A vector has rows of one element.
constexpr double kWorstRow = 4;

// The larger of ||x - reference|| / ||reference|| and, over kWorstRow, the same of the worst row, so that one bound
// holds both: a norm alone passes a wrong row of ten thousand at 1e-2. A row smaller than usual (rms) counts as one of
// usual size: it may be what is left of larger terms. NaN if any element is.
inline double relative_error(const Tensor& x, const std::vector<double>& reference) {
    const auto values = x.span<float>();
    if (values.size() != reference.size()) return std::numeric_limits<double>::infinity();
    struct Row {
        double difference = 0, norm = 0;  // squared
    };
    const auto width = static_cast<size_t>(x.rank() > 1 ? x.dim(-1) : 1);
    std::vector<Row> rows(values.size() / std::max<size_t>(width, 1));
    Row all;
    for (size_t i = 0; i < values.size(); ++i) {
        const double difference = values[i] - reference[i], squared = difference * difference;
        rows[i / width].difference += squared;
        rows[i / width].norm += reference[i] * reference[i];
        all.difference += squared;
        all.norm += reference[i] * reference[i];
    }
    const double least = 1e-300, usual = all.norm / std::max(double(rows.size()), 1.0);
    double worst = 0;
    for (const Row& row : rows) worst = std::max(worst, row.difference / std::max({row.norm, usual, least}));
    // In this order max returns a NaN of the whole.
    return std::max(std::sqrt(all.difference / std::max(all.norm, least)), std::sqrt(worst) / kWorstRow);
}

inline double relative_error(const Tensor& x, const Tensor& reference) {
    const auto values = reference.span<float>();
    return relative_error(x, std::vector<double>(values.begin(), values.end()));
}

}  // namespace t3video::testing
