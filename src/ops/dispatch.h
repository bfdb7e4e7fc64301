// Runs an op on its context's device.
#pragma once

#include "core/build.h"
#include "core/error.h"
#include "tensor/tensor.h"

namespace t3video::ops {

// Counts the work, then calls the half that belongs to the device; a meta context only counts, `scratch` bytes that the
// half would take for itself included. A build without CUDA never refers to the symbols of `on_cuda`.
template <class OnCpu, class OnCuda>
void dispatch(Context& ctx, const Work& work, OnCpu&& on_cpu, OnCuda&& on_cuda, size_t scratch = 0) {
    ctx.count(work);
    if (scratch > 0 && ctx.device() == Device::meta) ctx.allocator().allocate(scratch);
    if (ctx.device() == Device::cpu) {
        on_cpu();
    } else if constexpr (kWithCuda) {
        if (ctx.device() == Device::cuda) on_cuda();
    }
}

// Work of an op that memory bounds.
template <class... Tensors>
Work moved(const Tensors&... tensors) {
    return {.bytes = (static_cast<double>(tensors.bytes()) + ...)};
}

}  // namespace t3video::ops
