// The CUDA backend's part of a Context: the stream that all of its work runs on, and the libraries' handles.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <map>
#include <memory>
#include <string>

#include "cuda/handles.h"
#include "tensor/context.h"

namespace t3video::cuda {

constexpr size_t kWorkspaceBytes = size_t{64} << 20;  // 32 MiB are what cuBLAS asks for on Hopper

struct State final : BackendState {
    explicit State(DeviceTraits of);  // makes it the current device
    ~State() override;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    void trim() override;

    const DeviceTraits traits;
    std::shared_ptr<CUstream_st> stream_owner;  // the device's memory, which may outlive this state, holds it too
    cudaStream_t stream = nullptr;
    cublasLtHandle_t blas = nullptr;
    std::shared_ptr<Storage> workspace;                   // of kWorkspaceBytes, for one library call at a time
    std::map<std::string, std::shared_ptr<void>> caches;  // by op; each op knows the type of its own

    // The cache of an op, made on first use.
    template <class T>
    T& cache(const char* op) {
        std::shared_ptr<void>& slot = caches[op];
        if (!slot) slot = std::make_shared<T>();
        return *static_cast<T*>(slot.get());
    }
};

State& state(Context& ctx);

}  // namespace t3video::cuda
