// A run of bytes with an owner: allocated memory, or a window into a mapped file.
#pragma once

#include <cstddef>
#include <memory>

#include "core/device.h"

namespace t3video {

class Storage {
  public:
    // `owner` keeps the bytes alive. Read-only storage (a mapped file) must not be written.
    Storage(std::byte* data, size_t bytes, std::shared_ptr<const void> owner, bool writable,
            Device device = Device::cpu)
        : data_(data), bytes_(bytes), owner_(std::move(owner)), writable_(writable), device_(device) {}

    const std::byte* data() const { return data_; }
    std::byte* data() { return data_; }
    size_t bytes() const { return bytes_; }
    bool writable() const { return writable_; }
    Device device() const { return device_; }

  private:
    std::byte* data_;
    size_t bytes_;
    std::shared_ptr<const void> owner_;
    bool writable_;
    Device device_;
};

}  // namespace t3video
