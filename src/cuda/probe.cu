// Whether this program holds code for a card. The kernel is never run.
#include "cuda/probe.h"

#include <cuda_runtime.h>

namespace t3video::cuda {
namespace {

__global__ void any_kernel() {}

}  // namespace

bool has_code_for_device() {
    cudaFuncAttributes attributes{};
    const bool found = cudaFuncGetAttributes(&attributes, any_kernel) == cudaSuccess;
    if (!found) cudaGetLastError();  // the next launch must not meet it
    return found;
}

}  // namespace t3video::cuda
