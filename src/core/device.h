// Where tensors live and arithmetic runs.
#pragma once

namespace t3video {

// meta: shapes and memory are accounted for, nothing is stored or computed. It tells what a run would need.
enum class Device { cpu, cuda, meta };

// A device among those of its kind, in the order in which their driver has them.
struct DeviceId {
    Device kind = Device::cpu;
    int ordinal = 0;
    friend bool operator==(const DeviceId&, const DeviceId&) = default;
};

}  // namespace t3video
