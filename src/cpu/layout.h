// Moving data on the CPU.
#pragma once

#include <span>

#include "tensor/stored.h"

namespace t3video::cpu {

void gather_rows(Context& ctx, const Stored& table, std::span<const int64_t> ids, Tensor& y);
void transpose(Context& ctx, const Tensor& x, Tensor& y);
void columns(Context& ctx, const Tensor& x, int64_t begin, Tensor& y);
void patchify(Context& ctx, const Tensor& x, Tensor& y);
void unpatchify(Context& ctx, const Tensor& x, Tensor& y);

}  // namespace t3video::cpu
