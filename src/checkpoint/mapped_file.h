// A file mapped read-only into memory, and tensors that are windows into it.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace t3video::checkpoint {

// Pages are read when touched and shared with the system's cache. Replacing the file by a rename is safe, because the
// mapping keeps the old file; a file that is written over or cut short while it is mapped is found by a
// WatchedFile, and by explain_lost_pages() where pages are gone.
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

// A file that is in use, mapped or not: whether it is still what it was. Another file under its name is another.
class WatchedFile {
  public:
    // Throws InvalidRequest naming the path where it cannot be opened.
    explicit WatchedFile(std::filesystem::path path);
    ~WatchedFile();
    WatchedFile(const WatchedFile&) = delete;
    WatchedFile& operator=(const WatchedFile&) = delete;

    // Throws InvalidRequest naming the path when its size or time have changed: what was computed from it may be from a
    // mixture, and is not to be saved.
    void require_unchanged() const;
    // Whether the path still leads to it, unchanged.
    bool is_current() const;

  private:
    bool is_unchanged(const struct stat& now) const;

    std::filesystem::path path_;
    int descriptor_;
    struct stat before_ {};
};

// From here on a read of a mapped page that is gone (the file was cut short, or its disk fails) ends the program with a
// line that names the file, and exit code 1, where the system would end it without a word. For programs.
void explain_lost_pages();

// The tensor at `offset` bytes into the file: a read-only view that keeps the mapping alive, or a copy where the bytes
// are not aligned for their type. The caller has checked that it lies within the file.
Tensor map_tensor(const std::shared_ptr<const MappedFile>& file, const Shape& shape, DType dtype, size_t offset);

// A read-only tensor that owns `bytes`.
Tensor own_tensor(std::vector<std::byte> bytes, const Shape& shape, DType dtype);

}  // namespace t3video::checkpoint
