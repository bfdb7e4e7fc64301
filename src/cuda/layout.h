// Moving data on the GPU.
#pragma once

#include <span>

#include "tensor/op_types.h"

namespace t3video::cuda {

void gather_rows(Context& ctx, const Tensor& table, std::span<const int64_t> ids, Tensor& y);
void transpose(Context& ctx, const Tensor& x, Tensor& y);
void columns(Context& ctx, const Tensor& x, int64_t begin, Tensor& y);
void patchify(Context& ctx, const Tensor& x, Tensor& y);
void unpatchify(Context& ctx, const Tensor& x, Tensor& y);
void unpatchify_backward(Context& ctx, const Tensor& dy, Tensor& dx);
void take_rows(Context& ctx, const ops::Rows& x, Tensor& y);

}  // namespace t3video::cuda
