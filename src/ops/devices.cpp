// Devices: dispatch to the backend that knows them.
#include "ops/devices.h"

#include <fmt/format.h>

#include "core/build.h"
#include "core/error.h"
#include "cuda/devices.h"

namespace t3video::ops {

std::vector<DeviceTraits> gpus(std::string* none) {
    if constexpr (kWithCuda) return cuda::devices(none);
    if (none) *none = "not in this build";
    return {};
}

std::optional<size_t> free_memory(const DeviceId& gpu) {
    if constexpr (kWithCuda) return cuda::free_memory(gpu.ordinal);
    return std::nullopt;
}

std::string describe(const DeviceTraits& gpu) {
    return fmt::format("{}: {}, {:.1f} GiB, {} multiprocessors, compute capability {}.{}", gpu.id.ordinal, gpu.name,
                       double(gpu.memory) / double(1 << 30), gpu.multiprocessors, gpu.major, gpu.minor);
}

std::vector<std::string> cuda_devices() {
    std::vector<std::string> lines;
    for (const DeviceTraits& gpu : gpus()) lines.push_back(describe(gpu));
    return lines;
}

Context make_context(const ContextOptions& options) {
    const auto& [device, compute_type, threads, memory] = options;
    switch (device.kind) {
        case Device::cpu:
            return Context(threads);
        case Device::meta:
            return make_meta_context(compute_type);
        case Device::cuda:
            break;
    }
    if constexpr (kWithCuda) return Context(cuda::make_backend(device.ordinal, compute_type, memory), threads);
    throw InvalidRequest(
        Message(Field("device", "cuda"), ": this program was built without CUDA; use ", Field("device", "cpu")));
}

}  // namespace t3video::ops
