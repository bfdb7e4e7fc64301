// Gradients against central differences of a forward in double that a test writes down.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "support/tensors.h"

namespace t3video::testing {

using Doubles = std::vector<double>;

// A forward in double of all its operands, data and parameters alike.
using Forward = std::function<Doubles(const std::vector<Doubles>& operands)>;

// What gradients of ops in f32 hold. Their sums have up to some thousand terms, each rounded to 6e-8 of itself, and
// come out at 1e-7 to 2e-6. Differences in double with kStep are exact to about 1e-9: the step's square times third
// derivatives, and 1e-16 over the step. A factor or a term that is wrong shows at 1e-2 and more.
constexpr double kGradientBound = 1e-5;
constexpr double kStep = 1e-5;

inline double dot(const Doubles& a, const Doubles& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

// (L(x + h v) - L(x - h v)) / (2h) with L = dy . forward, along v of operand `which`.
inline double directional(const Forward& forward, std::vector<Doubles> operands, size_t which, const Doubles& v,
                          const Doubles& dy) {
    const Doubles at = operands[which];
    const auto moved = [&](double h) {
        for (size_t i = 0; i < at.size(); ++i) operands[which][i] = at[i] + h * v[i];
        return forward(operands);
    };
    Doubles difference = moved(kStep);
    const Doubles back = moved(-kStep);
    for (size_t i = 0; i < back.size(); ++i) difference[i] -= back[i];
    return dot(dy, difference) / (2 * kStep);
}

// Standard normals.
inline Doubles direction(size_t count, uint32_t seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> normal;
    Doubles v(count);
    for (double& value : v) value = normal(engine);
    return v;
}

// The whole gradient of operand `which`, element by element.
inline Doubles differences(const Forward& forward, const std::vector<Doubles>& operands, size_t which,
                           const Doubles& dy) {
    Doubles v(operands[which].size()), gradient;
    for (double& unit : v) {
        unit = 1;
        gradient.push_back(directional(forward, operands, which, v, dy));
        unit = 0;
    }
    return gradient;
}

// Operands of up to so many elements are checked element by element as well.
constexpr size_t kFewElements = 400;

// Checks the gradient of operand `which`, of the operand's elements. Along a random direction a gradient has about its
// own norm, which is what errors are measured in: the projection itself may be near zero. One that all but cancels is
// what is left of terms as large as dy, and counts as a tenth of it.
inline void expect_gradient(const Forward& forward, const std::vector<Doubles>& operands, size_t which,
                            const Doubles& dy, const Tensor& gradient, double bound = kGradientBound) {
    SCOPED_TRACE(concat("operand ", which));
    const Doubles values(gradient.span<float>().begin(), gradient.span<float>().end());
    ASSERT_EQ(values.size(), operands[which].size());
    const double norm = std::sqrt(dot(values, values)), least = std::sqrt(dot(dy, dy)) / 10;
    for (const uint32_t seed : {101, 102, 103}) {
        const Doubles v = direction(values.size(), seed);
        const double numeric = directional(forward, operands, which, v, dy);
        // Not below: a NaN fails.
        EXPECT_LE(std::abs(dot(values, v) - numeric), bound * std::max({norm, std::abs(numeric), least}))
            << "numeric " << numeric << ", gradient " << dot(values, v);
    }
    if (values.size() > kFewElements) return;
    const Doubles expected = differences(forward, operands, which, dy);
    if (std::sqrt(dot(expected, expected)) > least / 10) {
        EXPECT_LT(relative_error(gradient, expected), bound);
    }
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
    return a.shape() == b.shape() && a.dtype() == b.dtype() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

// What was added to `start`: gradients of parameters are never written over.
inline Tensor added(Context& ctx, const Tensor& sum, const Tensor& start) {
    Tensor difference = empty_like(ctx, sum);
    for (int64_t i = 0; i < sum.numel(); ++i) {
        difference.data<float>()[i] = sum.data<float>()[i] - start.data<float>()[i];
    }
    return difference;
}

inline Tensor filled(Context& ctx, Shape shape, float value) {
    Tensor x = empty(ctx, shape);
    std::ranges::fill(x.span<float>(), value);
    return x;
}

}  // namespace t3video::testing
