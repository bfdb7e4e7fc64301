// The GPUs of this machine, and the backend that computes on one of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tensor/context.h"

namespace t3video::cuda {

// In CUDA's order, without what this program can do on them, which only make_backend finds. Where there are none, no
// driver for example, `none` says why.
std::vector<DeviceTraits> devices(std::string* none = nullptr);

// Bytes that nobody uses; nothing where the card refuses. Makes the driver's context there, which takes some itself.
std::optional<size_t> free_memory(int ordinal);

// This thread's calls to CUDA go to the context's GPU from now on.
void make_current(const Context& ctx);

// Throws InvalidRequest for a card that is not among the `count` of the machine.
void require_there(int ordinal, int count);
// Throws InvalidRequest for a card whose compute capability is below 8.0: Ampere is the first with bf16 matrix units.
void require_recent(const std::string& name, int major, int minor);
// Throws InvalidRequest unless the program `has_code` for the card.
void require_code(const std::string& name, int major, int minor, bool has_code);

// A GPU, using at most `memory` bytes of it (0: what is free) and computing in f32 or bf16. Throws InvalidRequest where
// there is no such GPU or no driver, where it is not recent enough or the program was not built for it, or has not that
// much memory. The calling thread's current device is then this one.
Backend make_backend(int ordinal, DType compute_type, size_t memory);

}  // namespace t3video::cuda
