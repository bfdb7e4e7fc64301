// Where a film is to be made, and the memory that it may take there.
#pragma once

#include <string>

#include "tensor/context.h"

namespace t3video::plan {

struct Machine {
    DeviceTraits device;
    DType compute_type = DType::f32;
    size_t allowed = 0;         // bytes that the run may take in all
    std::string limit;          // MemoryLimit::reason, where that sets `allowed`
    size_t packing = 0;         // bytes that a stage may reach with packed weights, and all that stay packed beside it
    size_t taken = 0;           // of `allowed`, by the program and its libraries, whatever the film
    int64_t decode_budget = 0;  // bytes that decoding should take
    // Of the host, by what one film brings:
    size_t input_bytes = 0;     // frames of its input, which wait until they are encoded: film::Input::bytes
    int64_t sample_bytes = 1;   // of a channel of a frame that waits to be written: media::bytes_of
    int64_t encoder_bytes = 0;  // beside frames: media::encoder_bytes

    bool on_cpu() const { return device.id.kind == Device::cpu; }
};

// `memory`: bytes that may be taken on the CPU; 0: what is available. More than the process may have (cgroups, ulimit)
// is not allowed. `held`: of what this process has taken, bytes that are to be given back when they are needed. A GPU's
// limit is part of its context, from whose allocator what is `taken` is read: before networks are prepared there.
Machine machine_of(const Context& ctx, int64_t memory = 0, size_t held = 0);

// Bytes of host memory that a run may take: on the CPU `memory`, where the user names it, else what is available; a
// GPU's limit says nothing of the host.
int64_t host_memory(const Context& ctx, int64_t memory);

}  // namespace t3video::plan
