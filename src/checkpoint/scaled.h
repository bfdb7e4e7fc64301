// Weights stored as 8-bit numbers, or as numbers with scales beside them.
#pragma once

#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

// The values of 8-bit floats. e4m3 (4 bits of exponent, 3 of mantissa) has no infinities, S.1111.111 is NaN; e5m2 is
// the upper byte of an f16.
float from_f8_e4m3(uint8_t bits);
float from_f8_e5m2(uint8_t bits);

// Makes an encoded tensor of every 8-bit float, of every f64, and of every float or int8 tensor that has a scale. Read
// are the forms in which programs write them:
//
//   weight "X.weight", scale "X.scale_weight" (ComfyUI, musubi-tuner), "X.weight_scale" (LightX2V, ComfyUI),
//          "X.scale", "X.weight_scale_inv" (a factor all the same)
//   weight "X.int8_weight", scale "X.scale", for each tile of 128x128 (TurboDiffusion)
//   weight "X.weight._data", scale "X.weight._scale" (quanto)
//
// A scale multiplies its weight: one number; one for each row; for each of equal parts of each row ([out, parts] or
// [out, parts, 1]); for each column ([1, in]); for each tile, [ceil(out/n), ceil(in/n)] with n = 128, 64, 32, 256.
// "X.pre_quant_scale" multiplies the columns as well. Scales leave the list, and with them what such files carry for
// other programs: scales of inputs ("X.scale_input", "X.input_scale"), "scaled_fp8", and the descriptions
// "X.comfy_quant" and "_quantization_metadata", which are looked through first.
//
// Throws InvalidRequest for a scale that does not fit its weight or is not finite, for a description that names a
// format or a setting which is none of these, and for numbers packed by bitsandbytes.
TensorSource fold_scales(TensorSource source);

}  // namespace t3video::checkpoint
