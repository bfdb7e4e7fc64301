// Weights stored as 8-bit floats, or as numbers with a scale beside them.
#pragma once

#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

// The value of an 8-bit float with 4 bits of exponent and 3 of mantissa: no infinities, S.1111.111 is NaN.
float from_f8_e4m3(uint8_t bits);

// Makes an encoded tensor of every f8_e4m3 tensor and of every float tensor "X.weight" that has a scale: one number, or
// one for each row, that its values are to be multiplied by, called "X.scale_weight", "X.weight_scale" or "X.scale".
// Scales leave the list, and with them what such files carry for other programs: scales of inputs ("X.scale_input",
// "X.input_scale"), "X.comfy_quant" and "scaled_fp8". Throws InvalidRequest for a scale that does not fit its weight or
// is not finite.
TensorSource fold_scales(TensorSource source);

}  // namespace t3video::checkpoint
