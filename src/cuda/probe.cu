// Whether this program holds code for a card. The kernel is never run.
#include "cuda/probe.h"

#include <cuda_runtime.h>

#include <optional>

namespace t3video::cuda {
namespace {

constexpr size_t kMark = 4096;  // bytes; more than the system takes of a block's shared memory for itself

// Takes them only where it was built for sm_90a.
__global__ void any_kernel() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    __shared__ volatile char mark[kMark];
    mark[threadIdx.x] = 1;
#endif
}

std::optional<cudaFuncAttributes> attributes() {
    cudaFuncAttributes found{};
    if (cudaFuncGetAttributes(&found, any_kernel) == cudaSuccess) return found;
    cudaGetLastError();  // the next launch must not meet it
    return std::nullopt;
}

}  // namespace

bool has_code_for_device() {
    return attributes().has_value();
}

bool has_sm_90a_code() {
    const auto found = attributes();
    return found && found->sharedSizeBytes >= kMark;
}

}  // namespace t3video::cuda
