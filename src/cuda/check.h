// Failures of CUDA's libraries as Errors that name the caller's line.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <source_location>

#include "core/error.h"

namespace t3video::cuda {

inline void check(cudaError_t status, std::source_location where = std::source_location::current()) {
    require({status == cudaSuccess, where}, "CUDA: ", cudaGetErrorString(status));
}

inline void check(cublasStatus_t status, std::source_location where = std::source_location::current()) {
    require({status == CUBLAS_STATUS_SUCCESS, where}, "cuBLAS: ", cublasLtGetStatusString(status));
}

// After a kernel's launch.
inline void check_launch(std::source_location where = std::source_location::current()) {
    check(cudaGetLastError(), where);
}

}  // namespace t3video::cuda
