// torch's .pth: a zip archive of one pickle and one stored entry per tensor storage; before version 1.6 a row of
// pickles with the storages behind them.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "checkpoint/mapped_file.h"
#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

// The metadata in which a source from such a file says which of several dicts it was taken from (StateDict::choice).
constexpr const char* kChoice = "choice";

// Whether the file begins like a zip archive or a pickle.
bool looks_like_pth(std::span<const std::byte> bytes);

// Tensors are views of the mapped file; a copy where strides are not row-major. Throws InvalidRequest naming the file,
// the tensor and what is wrong.
TensorSource read_pth(const std::shared_ptr<const MappedFile>& file);
// The same of the format before torch 1.6.
TensorSource read_old_pth(const std::shared_ptr<const MappedFile>& file);

// What a file of weights says about the choice between its dicts, or an empty text.
std::string choice_in(const std::filesystem::path& path);

}  // namespace t3video::checkpoint
