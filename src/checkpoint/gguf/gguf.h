// The GGUF format, versions 2 and 3: header | metadata | tensor descriptions | data, little-endian throughout.
#pragma once

#include <memory>
#include <string>

#include "checkpoint/mapped_file.h"
#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

// F32, F16, BF16 and integer tensors are views of the mapped file; Q8_0, Q4_K, Q5_K and Q6_K are encoded tensors over
// it. Shapes are row-major (the file lists the innermost extent first), and the original ones where the file's
// "comfy.gguf.orig_shape.NAME" says so. Texts among the metadata become TensorSource::metadata. Throws InvalidRequest
// naming the file, the tensor and what is wrong.
TensorSource read_gguf(const std::shared_ptr<const MappedFile>& file);

// The source's path, for messages about a tensor that is not there, with what the file says it is: "x.gguf
// (architecture 'llama')".
std::string origin_of(const TensorSource& source);

}  // namespace t3video::checkpoint
