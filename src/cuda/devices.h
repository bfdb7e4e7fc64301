// The GPUs of this machine, and the backend that computes on one of them.
#pragma once

#include <string>
#include <vector>

#include "tensor/context.h"

namespace t3video::cuda {

// One line per GPU: "0: NVIDIA H200, 139.8 GiB, 132 multiprocessors, compute capability 9.0". Empty without a GPU or
// driver.
std::vector<std::string> devices();

// Throws InvalidRequest for a card whose compute capability is below 8.0: Ampere is the first with bf16 matrix units.
void require_recent(const std::string& name, int major, int minor);
// Throws InvalidRequest unless the program `has_code` for the card.
void require_code(const std::string& name, int major, int minor, bool has_code);

// The first GPU, using at most `memory` bytes of it (0: what is free) and computing in f32 or bf16. Throws
// InvalidRequest where there is no GPU or driver, none that is recent enough or that the program was built for, or not
// that much memory.
Backend make_backend(DType compute_type, size_t memory);

}  // namespace t3video::cuda
