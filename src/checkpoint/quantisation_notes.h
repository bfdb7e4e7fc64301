// What ComfyUI writes down of quantised layers.
#pragma once

#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

// Looks through "X.comfy_quant" (JSON in bytes) and the metadata's "_quantization_metadata" for layers of `source`.
// Throws InvalidRequest naming the layer and the format or setting that is not read.
void check_quantisation_notes(const TensorSource& source);

}  // namespace t3video::checkpoint
