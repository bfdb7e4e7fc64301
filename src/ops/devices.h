// What this machine can compute on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tensor/context.h"

namespace t3video::ops {

// The GPUs; where there are none, `none` says why.
std::vector<DeviceTraits> gpus(std::string* none = nullptr);

// Bytes of a GPU that nobody uses; nothing where it does not tell.
std::optional<size_t> free_memory(const DeviceId& gpu);

// "0: NVIDIA H200, 139.8 GiB, 132 multiprocessors, compute capability 9.0"
std::string describe(const DeviceTraits& gpu);
// A line for each GPU.
std::vector<std::string> cuda_devices();

struct ContextOptions {
    DeviceId device = {};
    DType compute_type = DType::f32;  // of activations: f32, or bf16 on the GPU
    int threads = 0;                  // of the CPU; 0: one per available core
    size_t memory = 0;                // bytes of the GPU that may be used; 0: what it has free
};

// Throws InvalidRequest, in one line that says what would do, for a device this build or machine does not have, a GPU
// that is too old, and more memory than is free.
Context make_context(const ContextOptions& options);

}  // namespace t3video::ops
