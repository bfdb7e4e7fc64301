// What ops and kernels know of a device. How work is cut and which kernel does it follow from these alone, so that a
// context that only counts decides like the one that it counts for.
#pragma once

#include <cstddef>
#include <string>

#include "core/device.h"

namespace t3video {

struct DeviceTraits {
    DeviceId id = {};  // of what computes: a CPU or a GPU
    std::string name = {};
    // Of a GPU:
    int major = 0, minor = 0;  // compute capability
    int multiprocessors = 0;
    size_t memory = 0;         // bytes, in use or not
    bool sm_90a_code = false;  // 9.0, and this program has the code for it that uses what no other capability has
};

}  // namespace t3video
