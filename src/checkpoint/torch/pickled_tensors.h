// The tensors of a state dict over the bytes of their storages, wherever a file keeps these.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "checkpoint/mapped_file.h"
#include "checkpoint/tensor_source.h"
#include "checkpoint/torch/pickle.h"
#include "checkpoint/torch/pth.h"

namespace t3video::checkpoint {

// The bytes of the storage of a key, within the mapped file. Throws InvalidRequest where there is none.
using StorageBytes = std::function<std::span<const std::byte>(const std::string& key)>;

// Throws InvalidRequest naming the file and the tensor for one that does not lie within its storage.
TensorSource read_pickled_tensors(const std::shared_ptr<const MappedFile>& file, const StateDict& dict,
                                  const StorageBytes& storage_bytes);

}  // namespace t3video::checkpoint
