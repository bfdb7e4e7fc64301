// What this machine can compute on.
#pragma once

#include <string>
#include <vector>

#include "tensor/context.h"

namespace t3video::ops {

// One line per GPU that a build with CUDA sees; empty in a build without.
std::vector<std::string> cuda_devices();

struct ContextOptions {
    Device device = Device::cpu;
    DType compute_type = DType::f32;  // of activations: f32, or bf16 on the GPU
    int threads = 0;                  // of the CPU; 0: one per available core
    size_t memory = 0;                // bytes of the GPU that may be used; 0: what it has free
};

// Throws InvalidRequest, in one line that says what would do, for a device this build or machine does not have, a GPU
// that is too old, and more memory than is free.
Context make_context(const ContextOptions& options);

}  // namespace t3video::ops
