// A file mapped read-only into memory, and tensors that are windows into it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace t3video::checkpoint {

// Pages are read when touched and shared with the system's cache. The file must not shrink while it is mapped;
// replacing it by a rename is safe, because the mapping keeps the old file.
class MappedFile {
  public:
    // Throws InvalidRequest naming the path when it is absent, a folder, empty or unreadable.
    explicit MappedFile(std::filesystem::path path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::span<const std::byte> bytes() const { return {data_, size_}; }

  private:
    std::filesystem::path path_;
    const std::byte* data_ = nullptr;
    size_t size_ = 0;
};

// The tensor at `offset` bytes into the file: a read-only view that keeps the mapping alive, or a copy where the bytes
// are not aligned for their type. The caller has checked that it lies within the file.
Tensor map_tensor(const std::shared_ptr<const MappedFile>& file, const Shape& shape, DType dtype, size_t offset);

// A read-only tensor that owns `bytes`.
Tensor own_tensor(std::vector<std::byte> bytes, const Shape& shape, DType dtype);

}  // namespace t3video::checkpoint
