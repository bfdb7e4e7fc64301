// torch's .pth: a zip archive of one pickle and one stored entry per tensor storage.
#pragma once

#include <memory>

#include "checkpoint/mapped_file.h"
#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

// Tensors are views of the mapped file; a copy where strides are not row-major. Throws InvalidRequest naming the file,
// the tensor and what is wrong.
TensorSource read_pth(const std::shared_ptr<const MappedFile>& file);

}  // namespace t3video::checkpoint
