// What every op needs besides its operands: device, threads, memory, and the backend's own state. Two contexts coexist.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/dtype.h"
#include "tensor/allocator.h"
#include "tensor/device_traits.h"

namespace t3video {

// Base of a backend's part of the context (library handles, plan caches); opaque above the backend.
class BackendState {
  public:
    virtual ~BackendState() = default;
    virtual void trim() {}  // Context::trim
};

// Arithmetic and memory traffic that ops were asked for, by what bounds them.
struct Work {
    double matrix = 0, attention = 0, convolution = 0;  // FLOP
    double bytes = 0;                                   // moved by everything else

    Work& operator+=(const Work& more);
    Work operator-(const Work& less) const;
    Work operator*(double times) const;
    friend bool operator==(const Work&, const Work&) = default;
};

// Memory that the backend's half of an op takes for itself while it runs, so that a run that only counts sees it: the
// bytes of each block, in the order in which they are taken, since where blocks fit depends on both. A bound: never
// below the use, seldom far above.
using Scratch = std::vector<size_t>;

// What a backend brings to a context.
struct Backend {
    Device device;
    DType compute_type;  // of activations between ops
    std::shared_ptr<Allocator> allocator;
    std::shared_ptr<BackendState> state = {};
    DeviceTraits traits = {};  // of a meta context: of the device whose needs it counts
    // Of a context that only counts: whether repeat() leaves out iterations that are like those before
    // (tensor/repeat.h).
    bool skips_repeats = false;
};

class Context {
  public:
    // The CPU, computing in f32. `threads` 0: one per available core.
    explicit Context(int threads = 0);
    Context(Backend backend, int threads);

    Device device() const { return backend_.device; }
    // Of the device that memory is meant for: this one, or the one a meta context counts for. How work is cut into
    // pieces follows these, so that a run that only counts cuts like the real one.
    const DeviceTraits& traits() const { return backend_.traits; }
    Device target() const { return backend_.traits.id.kind; }
    DType compute_type() const { return backend_.compute_type; }
    bool skips_repeats() const { return backend_.skips_repeats; }
    int threads() const { return threads_; }
    Allocator& allocator() const { return *backend_.allocator; }

    // Calls body(first, last) on chunks of [0, count) of at least `grain` indices, on this context's threads.
    void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) const;

    // The backend's state, made by `make` on first use. Only the backend that owns the type calls this.
    BackendState& backend_state(const std::function<std::shared_ptr<BackendState>()>& make);

    // Gives back what no work under way needs: free blocks, and the backend's plans where many have gathered.
    void trim();

    // Ops call `poll` before they begin: what it throws ends the work between two of them.
    void set_poll(std::function<void()> poll) { poll_ = std::move(poll); }
    void poll() const {
        if (poll_) poll_();
    }

    // Work of all ops so far.
    const Work& work() const { return work_; }
    void count(const Work& work) { work_ += work; }

  private:
    int threads_;
    Backend backend_;
    Work work_;
    std::function<void()> poll_;
};

// A context that computes nothing and counts memory and work, as `target`, computing in `compute_type`, would need
// them. By kind: some CPU, or some GPU without kernels of its own.
Context make_meta_context(DType compute_type, const DeviceTraits& target);
Context make_meta_context(DType compute_type, Device target = Device::cuda);

}  // namespace t3video
