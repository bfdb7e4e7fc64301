// Context: threads, memory and backend state.
#include "tensor/context.h"

#include "core/error.h"
#include "core/parallel.h"

namespace t3video {

Work& Work::operator+=(const Work& more) {
    matrix += more.matrix;
    attention += more.attention;
    convolution += more.convolution;
    bytes += more.bytes;
    return *this;
}

Work Work::operator-(const Work& less) const {
    return {matrix - less.matrix, attention - less.attention, convolution - less.convolution, bytes - less.bytes};
}

Work Work::operator*(double times) const {
    return {times * matrix, times * attention, times * convolution, times * bytes};
}

Context::Context(int threads) : Context({Device::cpu, DType::f32, make_cpu_allocator()}, threads) {}

Context::Context(Backend backend, int threads)
    : threads_(threads > 0 ? threads : available_threads()), backend_(std::move(backend)) {}

void Context::parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) const {
    t3video::parallel_for(threads_, 0, count, grain, body);
}

void Context::trim() {
    if (backend_.state) backend_.state->trim();
    allocator().trim();
}

BackendState& Context::backend_state(const std::function<std::shared_ptr<BackendState>()>& make) {
    if (!backend_.state) backend_.state = make();
    return *backend_.state;
}

Context make_meta_context(DType compute_type, const DeviceTraits& target) {
    const bool cpu = target.id.kind == Device::cpu;
    auto allocator = cpu ? make_meta_pool() : make_meta_allocator();
    constexpr int kAll = 0;  // threads, each of which takes memory of its own
    return Context({.device = Device::meta,
                    .compute_type = compute_type,
                    .allocator = std::move(allocator),
                    .traits = target,
                    .skips_repeats = true},
                   cpu ? kAll : 1);
}

Context make_meta_context(DType compute_type, Device target) {
    return make_meta_context(compute_type, DeviceTraits{.id = {target}});
}

}  // namespace t3video
