// Moving between channels, pixels and frames of channels-last videos, and the parameter-free shortcuts built on it.
#pragma once

#include "tensor/tensor.h"

namespace t3video::ops {

// [T, 2H, 2W, C] -> [T, H, W, 4C]: pixel (2y + q, 2x + r) of channel c becomes channel (c*2 + r)*2 + q of (y, x).
Tensor fold_pixels(Context& ctx, const Tensor& x);

// [T, H, W, 4C] -> [T, 2H, 2W, C], the inverse of fold_pixels.
Tensor unfold_pixels(Context& ctx, const Tensor& x);

// [T, H, W, f*C] -> [f*T, H, W, C]: the a-th group of C channels becomes frame f*t + a.
Tensor channels_to_time(Context& ctx, const Tensor& x, int64_t factor);

// main + the average of cells of ft frames, fs rows and fs columns of x. A cell is unrolled into channels in the order
// (channel, frame, row, column), and consecutive groups of channels are averaged to as many as main has. Zero frames
// in front complete the first cell.   x: [T, fs*H, fs*W, Ci], main: [ceil(T/ft), H, W, Co]; Co divides Ci*ft*fs*fs.
Tensor add_average_down(Context& ctx, const Tensor& main, const Tensor& x, int64_t ft, int64_t fs);

// main + x repeated: every channel of x as often as fills (channel, frame, row, column) of a cell in main.
// x: [T, H, W, Ci], main: [n, rows, fs*W, Co], the last n of the ft*T frames (n > ft*(T-1)) and the rows from first_row
// on of the fs*H; Ci divides Co*ft*fs*fs.
Tensor add_duplicate_up(Context& ctx, const Tensor& main, const Tensor& x, int64_t ft, int64_t fs,
                        int64_t first_row = 0);

}  // namespace t3video::ops
