// Asks the CUDA runtime for its devices, and makes the backend.
#include "cuda/devices.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "core/error.h"
#include "cuda/device_memory.h"
#include "cuda/hopper/conv.h"
#include "cuda/probe.h"
#include "cuda/state.h"

namespace t3video::cuda {
namespace {

constexpr double kGiB = double(1 << 30);
// The CUDA context, and the kernels that cuBLAS and cuDNN load, live outside of our own allocations.
constexpr size_t kLibraries = size_t{1} << 30;
constexpr size_t kLeast = size_t{1} << 28;

}  // namespace

std::vector<std::string> devices() {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) return {};  // no driver, or none that fits the toolkit
    std::vector<std::string> lines;
    for (int i = 0; i < count; ++i) {
        cudaDeviceProp p{};
        if (cudaGetDeviceProperties(&p, i) != cudaSuccess) continue;
        lines.push_back(fmt::format("{}: {}, {:.1f} GiB, {} multiprocessors, compute capability {}.{}", i, p.name,
                                    double(p.totalGlobalMem) / kGiB, p.multiProcessorCount, p.major, p.minor));
    }
    return lines;
}

void require_recent(const std::string& name, int major, int minor) {
    constexpr int kOldest = 8;
    require_valid(major >= kOldest, "--device cuda: ", name, " has compute capability ", major, ".", minor, "; ",
                  kOldest, ".0 (Ampere) or later is needed; use --device cpu");
}

void require_code(const std::string& name, int major, int minor, bool has_code) {
    require_valid(has_code, "--device cuda: ", name, " has compute capability ", major, ".", minor,
                  ", for which this program was not built; build it with -DCMAKE_CUDA_ARCHITECTURES=", major, minor,
                  ", or use --device cpu");
}

Backend make_backend(DType compute_type, size_t memory) {
    require_valid(compute_type == DType::f32 || compute_type == DType::bf16, "--dtype ", compute_type,
                  ": the GPU computes in f32 or bf16");
    int count = 0;
    const cudaError_t found = cudaGetDeviceCount(&count);
    require_valid(found == cudaSuccess && count > 0, "--device cuda: no usable NVIDIA GPU (",
                  found == cudaSuccess ? "none found" : cudaGetErrorString(found), "); use --device cpu");
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, 0));
    require_recent(properties.name, properties.major, properties.minor);
    check(cudaSetDevice(0));
    require_code(properties.name, properties.major, properties.minor, has_code_for_device());
    size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total));
    require_valid(memory <= free, "--memory ", fmt::format("{:.1f}GiB", double(memory) / kGiB), ": ", properties.name,
                  fmt::format(" has {:.1f} GiB free", double(free) / kGiB));
    const size_t limit = memory == 0 ? free : memory;
    require_valid(limit >= kLibraries + kLeast, "--device cuda: ",
                  fmt::format("{:.2f} GiB of GPU memory; at least {:.2f} are needed", double(limit) / kGiB,
                              double(kLibraries + kLeast) / kGiB));

    auto state = std::make_shared<State>();
    auto allocator = std::make_shared<DeviceMemory>(limit - kLibraries, kLibraries, state->stream_owner);
    state->workspace = allocator->allocate(kWorkspaceBytes);
    return {Device::cuda, compute_type, std::move(allocator), std::move(state), {}, has_hopper_conv()};
}

}  // namespace t3video::cuda
