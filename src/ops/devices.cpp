// Devices: dispatch to the backend that knows them.
#include "ops/devices.h"

#include "core/build.h"
#include "cuda/devices.h"

namespace t3video::ops {

std::vector<std::string> cuda_devices() {
    if constexpr (kWithCuda) return cuda::devices();
    return {};
}

}  // namespace t3video::ops
