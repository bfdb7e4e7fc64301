// The GPUs of this machine, and the backend that computes on one of them.
#pragma once

#include <string>
#include <vector>

#include "tensor/context.h"

namespace t3video::cuda {

// One line per GPU: "0: NVIDIA H200, 139.8 GiB, 132 multiprocessors, compute capability 9.0". Empty without a GPU or
// driver.
std::vector<std::string> devices();

// The first GPU, using at most `memory` bytes of it (0: what is free) and computing in f32 or bf16. Throws
// InvalidRequest where there is no GPU, none that is recent enough, or not that much memory.
Backend make_backend(DType compute_type, size_t memory);

}  // namespace t3video::cuda
