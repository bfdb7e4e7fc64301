// Resampling of channels-last videos on the CPU.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cpu {

void fold_pixels(Context& ctx, const Tensor& x, Tensor& y);
void unfold_pixels(Context& ctx, const Tensor& x, Tensor& y);
void channels_to_time(Context& ctx, const Tensor& x, Tensor& y);
void add_average_down(Context& ctx, const Tensor& main, const Tensor& x, int64_t ft, int64_t fs, Tensor& y);
void add_duplicate_up(Context& ctx, const Tensor& main, const Tensor& x, int64_t ft, int64_t fs, int64_t first_row,
                      Tensor& y);

}  // namespace t3video::cpu
