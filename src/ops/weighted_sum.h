// Weighted sums in double precision, for iterations whose state is finer than f32.
#pragma once

#include <initializer_list>
#include <span>

#include "tensor/op_types.h"

namespace t3video::ops {

// Sum of coefficient * x over one to kMostTerms f32 tensors of one shape, each product and each sum, from left to
// right, rounded to double; 48 bits of the result are kept. The same bits on every device.
Split weighted_sum(Context& ctx, std::span<const Term> terms);
inline Split weighted_sum(Context& ctx, std::initializer_list<Term> terms) {
    return weighted_sum(ctx, std::span(terms.begin(), terms.size()));
}

}  // namespace t3video::ops
