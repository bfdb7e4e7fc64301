// The tensors of a small autoencoder's file as its layers read them. Maps that follow one another without anything
// between them are one: frames that a 1x1 kernel makes and the convolution behind it, pooled frames and theirs.
#pragma once

#include "checkpoint/tensor_source.h"
#include "models/small_vae/decoder.h"
#include "models/small_vae/encoder.h"

namespace t3video::models {

// Fills the halves of an autoencoder of these sizes. Throws InvalidRequest naming the file for a tensor that is
// missing, of another shape, or none of its own. The encoder may be null, where there is none.
void fill_small_vae(const SmallVaeConfig& config, const checkpoint::TensorSource& source, SmallDecoder& decoder,
                    SmallEncoder* encoder);

}  // namespace t3video::models
