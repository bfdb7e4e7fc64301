// Asks the CUDA runtime for its devices.
#include "cuda/devices.h"

#include <cuda_runtime_api.h>

#include <cstdio>

namespace t3video::cuda {

std::vector<std::string> devices() {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) return {};  // no driver, or none that fits the toolkit
    std::vector<std::string> lines;
    for (int i = 0; i < count; ++i) {
        cudaDeviceProp p{};
        if (cudaGetDeviceProperties(&p, i) != cudaSuccess) continue;
        char line[400];
        std::snprintf(line, sizeof line, "%d: %s, %.1f GiB, %d multiprocessors, compute capability %d.%d", i, p.name,
                      double(p.totalGlobalMem) / double(1 << 30), p.multiProcessorCount, p.major, p.minor);
        lines.emplace_back(line);
    }
    return lines;
}

}  // namespace t3video::cuda
