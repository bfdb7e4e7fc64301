// Convolution of channels-last frames by Hopper's matrix units, for any grid and without planning.
#pragma once

#include <span>

#include "tensor/context.h"

namespace t3video::cuda {

// y[t, h, w] = bias + residual[t, h, w] +
//              sum over taps of weight[:, dt, dh, dw] x[t + first_t + dt, h + first_h + dh, w + first_w + dw],
// or where `relu` is set 0 in place of a negative one, in bf16, summed in f32 and rounded once. x is one run of frames
// behind another, each where it lies; outside of its extents it reads as zero. Strides are in elements, between frames,
// rows and columns; the channels of a pixel lie side by side. Strides, ci and co are multiples of 8. Nothing is wasted
// on padding where ci is a multiple of 32 and co 64, or one of 96 or 128; up to 16 channels cost less than half of 96.
struct HopperConv {
    int64_t t, h, w, co;                            // of y
    int64_t in_t, in_h, in_w, ci;                   // of x, all runs
    int64_t kt = 1, kh = 1, kw = 1;                 // taps
    int64_t first_t = 0, first_h = 0, first_w = 0;  // where in x the first tap of y[0, 0, 0] lies; may be negative
    int64_t x_frame, x_row, x_column;
    int64_t y_frame, y_row, y_column;
    bool relu = false;
};

// Frames that follow one another in time, HopperConv::x_frame apart. At most so many runs of them are read.
struct ConvFrames {
    const void* data;
    int64_t count;
};
constexpr size_t kMostRuns = 3;

// What is added to y: its first rows are `above`, the others those of `data` from the first on. Rows and columns lie as
// in y, frames as far apart as is said here. Both may be null.
struct ConvResidual {
    const void* data = nullptr;
    int64_t frame = 0;
    const void* above = nullptr;
    int64_t above_frame = 0, above_rows = 0;
};

// Whether the device has DeviceTraits::sm_90a_code and the shape fits: kh and kw up to 3, multiples of 8 as above.
bool hopper_conv_supports(const DeviceTraits& device, const HopperConv& problem);

// x: 1 to kMostRuns runs; weight: [co, kt * kh * kw, ci]; bias: [co] f32 or null; residual: y itself, or apart from y.
// All are aligned to 16 bytes.
void hopper_conv(Context& ctx, const HopperConv& problem, std::span<const ConvFrames> x, const void* weight,
                 const void* bias, const ConvResidual& residual, void* y);

}  // namespace t3video::cuda
