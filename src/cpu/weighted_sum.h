// Weighted sums in double precision on the CPU.
#pragma once

#include <span>

#include "tensor/op_types.h"

namespace t3video::cpu {

void weighted_sum(Context& ctx, std::span<const ops::Term> terms, ops::Split& sum);

}  // namespace t3video::cpu
