// Standard normals, value for value as PyTorch's generators make them, so that a seed means the same noise as
// elsewhere.
#pragma once

#include <cstdint>
#include <span>

namespace t3video {

// A generator that is asked again goes on: `draw` counts from 0 how many tensors of the same size it made before.

// torch.randn of a contiguous f32 tensor on the CPU, from a generator freshly seeded with `seed` (its low 32 bits
// count). Values agree with PyTorch's to the last bits of log, sin and cos. Fewer than 16 values come from another
// algorithm, so a short run is not the beginning of a longer one. Time grows with `draw`, memory does not. Throws Error
// for a draw below 0, as the other one does.
void fill_normal_cpu(std::span<float> out, uint64_t seed, int64_t draw = 0);

// torch.randn of a contiguous f32 tensor on a GPU with that many multiprocessors of 2048 threads (132 on H100 and
// H200); other counts give other noise for the same seed. Computed on the CPU, on up to `threads` threads; the result
// does not depend on `threads`. Throws InvalidRequest for multiprocessors < 1.
void fill_normal_cuda(std::span<float> out, uint64_t seed, int multiprocessors, int threads, int64_t draw = 0);

}  // namespace t3video
