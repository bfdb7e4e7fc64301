// What every op needs besides its operands: device, threads, memory, and the backend's own state. Two contexts coexist.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/device.h"
#include "tensor/allocator.h"

namespace t3video {

// Base of a backend's part of the context (library handles, plan caches); opaque above the backend.
class BackendState {
  public:
    virtual ~BackendState() = default;
};

class Context {
  public:
    // `threads` 0: one per available core.
    explicit Context(Device device = Device::cpu, int threads = 0);

    Device device() const { return device_; }
    int threads() const { return threads_; }
    Allocator& allocator() const { return *allocator_; }

    // Calls body(first, last) on chunks of [0, count) of at least `grain` indices, on this context's threads.
    void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) const;

    // The backend's state, made by `make` on first use. Only the backend that owns the type calls this.
    BackendState& backend_state(const std::function<std::unique_ptr<BackendState>()>& make);

  private:
    Device device_;
    int threads_;
    std::shared_ptr<Allocator> allocator_;
    std::unique_ptr<BackendState> backend_;
};

}  // namespace t3video
