// Arithmetic that the multistep solvers share. They work on predictions of the clean sample, m = x - sigma*v, and in
// lambda = ln((1 - sigma)/sigma), half the logarithm of the signal-to-noise ratio.
#pragma once

#include <cmath>
#include <initializer_list>
#include <span>

#include "tensor/op_types.h"

namespace t3video::sampling {

// +inf for sigma 0, -inf for sigma 1.
inline double lambda(double sigma) {
    return std::log(1.0 - sigma) - std::log(sigma);
}

using ops::Term;

// Sum of coefficient*x over at least two terms, added from left to right in f32.
Tensor combine(Context& ctx, std::span<const Term> terms);
inline Tensor combine(Context& ctx, std::initializer_list<Term> terms) {
    return combine(ctx, std::span(terms.begin(), terms.size()));
}

// The clean sample that velocity v predicts at x: x - sigma*v.
Tensor predict_clean(Context& ctx, const Tensor& x, double sigma, const Tensor& velocity);

}  // namespace t3video::sampling
