// Moving data without arithmetic: rows, axes, patches.
#pragma once

#include <span>

#include "tensor/op_types.h"
#include "tensor/stored.h"

namespace t3video::ops {

// Rows table[ids[i]] as f32.   table: [V, C] of any float type, on the context's device or in host memory, or encoded;
// throws Error for an id outside.
Tensor gather_rows(Context& ctx, const Stored& table, std::span<const int64_t> ids);

// Joined along the first axis; all other extents and the type agree.
Tensor concat(Context& ctx, std::span<const Tensor> parts);

// [A, B] -> [B, A] of the same type; channels-first to channels-last is transpose of [C, T*H*W].
Tensor transpose(Context& ctx, const Tensor& x);

// Columns [begin, end) of a matrix [N, C].
Tensor columns(Context& ctx, const Tensor& x, int64_t begin, int64_t end);

// Latent [C, T, H, W] f32 -> one row per 1x2x2 patch [T*(H/2)*(W/2), C*4], ordered (channel, row, column), column
// fastest, of the compute type. Of samples [B, C, T, H, W] those of one behind those of another.
Tensor patchify(Context& ctx, const Tensor& x);

// The head's rows [T*H*W, 4*C], ordered (row, column, channel) with channel fastest -> latent [C, T, 2H, 2W] f32.
Tensor unpatchify(Context& ctx, const Tensor& x, const Grid& grid);
// Of samples one behind another, [B*T*H*W, 4*C] -> [B, C, T, 2H, 2W] f32.
Tensor unpatchify_samples(Context& ctx, const Tensor& x, const Grid& grid);

// Its backward: the gradient of a latent [C, T, 2H, 2W] f32, or of samples [B, C, T, 2H, 2W] -> that of the head's
// rows, [B*T*H*W, 4*C] of the compute type.
Tensor unpatchify_backward(Context& ctx, const Tensor& dy);

// The rows one behind another, [n, C] of the type asked for: f32 or the compute type.
Tensor take_rows(Context& ctx, const Rows& x, DType dtype);

}  // namespace t3video::ops
