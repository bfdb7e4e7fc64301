// Runs an op on its context's device.
#pragma once

#include <memory>
#include <vector>

#include "core/build.h"
#include "core/error.h"
#include "cuda/devices.h"
#include "tensor/tensor.h"

namespace t3video::ops {

// Counts the work, then calls the half that belongs to the device; a meta context only counts, the `scratch` that the
// half would take for itself included. A build without CUDA never refers to the symbols of `on_cuda`.
template <class OnCpu, class OnCuda>
void dispatch(Context& ctx, const Work& work, OnCpu&& on_cpu, OnCuda&& on_cuda, const Scratch& scratch = {}) {
    ctx.poll();
    ctx.count(work);
    if (ctx.device() == Device::meta) {
        std::vector<std::shared_ptr<Storage>> blocks;
        for (const size_t bytes : scratch) {
            if (bytes > 0) blocks.push_back(ctx.allocator().allocate(bytes));
        }
    }
    if (ctx.device() == Device::cpu) {
        on_cpu();
    } else if constexpr (kWithCuda) {
        if (ctx.device() == Device::cuda) {
            cuda::make_current(ctx);
            on_cuda();
        }
    }
}

// Work of an op that memory bounds.
template <class... Tensors>
Work moved(const Tensors&... tensors) {
    return {.bytes = (static_cast<double>(tensors.bytes()) + ...)};
}

}  // namespace t3video::ops
