// Memory mapping through POSIX.
#include "checkpoint/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace t3video::checkpoint {
namespace {

// Closes the descriptor on every way out; a mapping outlives it.
struct Descriptor {
    int fd;
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

}  // namespace

MappedFile::MappedFile(std::filesystem::path path) : path_(std::move(path)) {
    const std::string name = path_.string();
    const Descriptor file{::open(name.c_str(), O_RDONLY | O_CLOEXEC)};
    require_valid(file.fd >= 0, name, ": cannot be opened: ", std::strerror(errno));
    struct stat info {};
    require_valid(::fstat(file.fd, &info) == 0, name, ": cannot be examined: ", std::strerror(errno));
    require_valid(!S_ISDIR(info.st_mode), name,
                  ": is a folder; name a .safetensors, .safetensors.index.json or .pth file in it");
    require_valid(S_ISREG(info.st_mode), name, ": is not a regular file");
    require_valid(info.st_size > 0, name, ": the file is empty");
    size_ = static_cast<size_t>(info.st_size);
    void* const address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
    require(address != MAP_FAILED, name, ": cannot map ", size_, " bytes: ", std::strerror(errno));
    data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
    ::munmap(const_cast<std::byte*>(data_), size_);
}

Tensor map_tensor(const std::shared_ptr<const MappedFile>& file, const Shape& shape, DType dtype, size_t offset) {
    const size_t bytes = static_cast<size_t>(shape.numel()) * size_of(dtype);
    const std::span<const std::byte> window = file->bytes().subspan(offset, bytes);
    if (reinterpret_cast<uintptr_t>(window.data()) % size_of(dtype) != 0) {
        return own_tensor({window.begin(), window.end()}, shape, dtype);
    }
    auto* const data = const_cast<std::byte*>(window.data());  // Storage guards it: not writable
    return {shape, dtype, std::make_shared<Storage>(data, bytes, file, false)};
}

Tensor own_tensor(std::vector<std::byte> bytes, const Shape& shape, DType dtype) {
    auto owner = std::make_shared<std::vector<std::byte>>(std::move(bytes));
    std::byte* const data = owner->data();
    const size_t size = owner->size();
    return {shape, dtype, std::make_shared<Storage>(data, size, std::move(owner), false)};
}

}  // namespace t3video::checkpoint
