// Rotary position embedding on the CPU.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

// y may be x.
void rope(Context& ctx, const Tensor& x, const ops::RopeTable& table, int64_t heads, const ops::Tokens& tokens,
          Tensor& y);
// x = R^T y: the angles turned back. dx may be dy.
void rope_backward(Context& ctx, const Tensor& dy, const ops::RopeTable& table, int64_t heads,
                   const ops::Tokens& tokens, Tensor& dx);

}  // namespace t3video::cpu
