// Context: threads, memory and backend state.
#include "tensor/context.h"

#include "core/error.h"
#include "core/parallel.h"

namespace t3video {

Context::Context(Device device, int threads)
    : device_(device), threads_(threads > 0 ? threads : available_threads()), allocator_(make_cpu_allocator()) {
    require_valid(device == Device::cpu, "--device cuda: this version has no GPU kernels yet; use --device cpu");
}

void Context::parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) const {
    t3video::parallel_for(threads_, 0, count, grain, body);
}

BackendState& Context::backend_state(const std::function<std::unique_ptr<BackendState>()>& make) {
    if (!backend_) backend_ = make();
    return *backend_;
}

}  // namespace t3video
