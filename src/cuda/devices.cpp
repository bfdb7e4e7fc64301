// Asks the CUDA runtime for its devices, and makes the backend.
#include "cuda/devices.h"

#include <fmt/format.h>

#include "cuda/device_memory.h"
#include "cuda/probe.h"
#include "cuda/state.h"

namespace t3video::cuda {
namespace {

constexpr double kGiB = double(1 << 30);
// The CUDA context, and the kernels that cuBLAS and cuDNN load, live outside of our own allocations.
constexpr size_t kLibraries = size_t{1} << 30;
constexpr size_t kLeast = size_t{1} << 28;

int count_devices(std::string* none) {
    int count = 0;
    const cudaError_t found = cudaGetDeviceCount(&count);
    if (found == cudaSuccess && count > 0) return count;
    cudaGetLastError();  // the next launch must not meet it
    int driver = 0;
    cudaDriverGetVersion(&driver);  // leaves 0 where there is none, which the error calls a driver that is too old
    if (none) {
        *none = found == cudaSuccess || found == cudaErrorNoDevice ? "no GPU found"
                : driver == 0                                      ? "no NVIDIA driver"
                                                                   : cudaGetErrorString(found);
    }
    return 0;
}

std::optional<DeviceTraits> traits_of(int ordinal) {
    cudaDeviceProp p{};
    if (cudaGetDeviceProperties(&p, ordinal) != cudaSuccess) return std::nullopt;
    return DeviceTraits{.id = {Device::cuda, ordinal},
                        .name = p.name,
                        .major = p.major,
                        .minor = p.minor,
                        .multiprocessors = p.multiProcessorCount,
                        .memory = p.totalGlobalMem};
}

}  // namespace

std::vector<DeviceTraits> devices(std::string* none) {
    std::vector<DeviceTraits> all;
    const int count = count_devices(none);
    for (int i = 0; i < count; ++i) {
        if (auto traits = traits_of(i)) all.push_back(std::move(*traits));
    }
    return all;
}

std::optional<size_t> free_memory(int ordinal) {
    size_t free = 0, total = 0;
    if (cudaSetDevice(ordinal) == cudaSuccess && cudaMemGetInfo(&free, &total) == cudaSuccess) return free;
    cudaGetLastError();
    return std::nullopt;
}

void make_current(const Context& ctx) {
    set_device(ctx.traits().id.ordinal);
}

void require_there(int ordinal, int count) {
    require_valid(ordinal < count, Field("device", "cuda:", ordinal), ": this machine has ",
                  count == 1 ? "one GPU, cuda:0" : concat(count, " GPUs, cuda:0 to cuda:", count - 1));
}

void require_recent(const std::string& name, int major, int minor) {
    constexpr int kOldest = 8;
    require_valid(major >= kOldest, Field("device", "cuda"), ": ", name, " has compute capability ", major, ".", minor,
                  "; ", kOldest, ".0 (Ampere) or later is needed; use ", Field("device", "cpu"));
}

void require_code(const std::string& name, int major, int minor, bool has_code) {
    require_valid(has_code, Field("device", "cuda"), ": ", name, " has compute capability ", major, ".", minor,
                  ", for which this program was not built; build it with -DCMAKE_CUDA_ARCHITECTURES=", major, minor,
                  ", or use ", Field("device", "cpu"));
}

Backend make_backend(int ordinal, DType compute_type, size_t memory) {
    require_valid(compute_type == DType::f32 || compute_type == DType::bf16, Field("dtype", compute_type),
                  ": the GPU computes in f32 or bf16");
    std::string none;
    const int count = count_devices(&none);
    require_valid(count > 0, Field("device", "cuda"), ": no usable NVIDIA GPU (", none, "); use ",
                  Field("device", "cpu"));
    require_there(ordinal, count);
    auto traits = traits_of(ordinal);
    require(traits.has_value(), "CUDA: cuda:", ordinal, " does not tell its properties");
    require_recent(traits->name, traits->major, traits->minor);
    set_device(ordinal);
    require_code(traits->name, traits->major, traits->minor, has_code_for_device());
    traits->sm_90a_code = traits->major == 9 && traits->minor == 0 && has_sm_90a_code();
    size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total));
    require_valid(memory <= free, Field("memory", fmt::format("{:.1f}GiB", double(memory) / kGiB)), ": ", traits->name,
                  fmt::format(" has {:.1f} GiB free", double(free) / kGiB));
    const size_t limit = memory == 0 ? free : memory;
    require_valid(limit >= kLibraries + kLeast, Field("device", "cuda"), ": ",
                  fmt::format("{:.2f} GiB of GPU memory; at least {:.2f} are needed", double(limit) / kGiB,
                              double(kLibraries + kLeast) / kGiB));

    auto state = std::make_shared<State>(*traits);
    auto allocator = std::make_shared<DeviceMemory>(ordinal, limit - kLibraries, kLibraries, state->stream_owner);
    state->workspace = allocator->allocate(kWorkspaceBytes);
    return {Device::cuda, compute_type, std::move(allocator), std::move(state), std::move(*traits)};
}

}  // namespace t3video::cuda
