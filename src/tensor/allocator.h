// Where activations come from. The CPU allocator keeps freed blocks, because a forward pass asks for the same sizes
// again and fresh pages would be zeroed by the kernel each time.
#pragma once

#include <cstddef>
#include <memory>

#include "tensor/storage.h"

namespace t3video {

class Allocator {
  public:
    virtual ~Allocator() = default;
    // Uninitialised bytes, aligned to 64. Throws Error with the size when memory runs out.
    virtual std::shared_ptr<Storage> allocate(size_t bytes) = 0;
    // Gives every unused block back to the system.
    virtual void trim() = 0;
};

std::shared_ptr<Allocator> make_cpu_allocator();

}  // namespace t3video
