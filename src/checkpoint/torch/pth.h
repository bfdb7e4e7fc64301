// torch's .pth: a zip archive of one pickle and one stored entry per tensor storage; before version 1.6 a row of
// pickles with the storages behind them.
#pragma once

#include <memory>
#include <span>

#include "checkpoint/mapped_file.h"
#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

// Whether the file begins like a zip archive or a pickle.
bool looks_like_pth(std::span<const std::byte> bytes);

// Tensors are views of the mapped file; a copy where strides are not row-major. Of several dicts the one that was taken
// is said in the notes (StateDict::choice). Throws InvalidRequest naming the file,
// the tensor and what is wrong.
TensorSource read_pth(const std::shared_ptr<const MappedFile>& file);
// The same of the format before torch 1.6.
TensorSource read_old_pth(const std::shared_ptr<const MappedFile>& file);

}  // namespace t3video::checkpoint
