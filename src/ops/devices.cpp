// Devices: dispatch to the backend that knows them.
#include "ops/devices.h"

#include "core/build.h"
#include "core/error.h"
#include "cuda/devices.h"

namespace t3video::ops {

std::vector<std::string> cuda_devices() {
    if constexpr (kWithCuda) return cuda::devices();
    return {};
}

Context make_context(const ContextOptions& options) {
    switch (options.device) {
        case Device::cpu:
            return Context(options.threads);
        case Device::meta:
            return make_meta_context(options.compute_type);
        case Device::cuda:
            break;
    }
    if constexpr (kWithCuda) return Context(cuda::make_backend(options.compute_type, options.memory), options.threads);
    throw InvalidRequest("--device cuda: this program was built without CUDA; use --device cpu");
}

}  // namespace t3video::ops
