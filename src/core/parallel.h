// Parallel loops over an index range. They run on OpenMP because oneDNN does: one pool serves both, nothing is
// oversubscribed, and the thread count is one number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace t3video {

// Calls body(first, last) on disjoint chunks of [begin, end), at least `grain` indices each (the last may be shorter),
// on at most `threads` threads. Every index is visited once; chunks are handed out as threads become free. An exception
// thrown by a body reaches the caller. Inside a parallel loop the call runs serially.
void parallel_for(int threads, int64_t begin, int64_t end, int64_t grain,
                  const std::function<void(int64_t first, int64_t last)>& body);

// Cores this process may use: those it is bound to (affinity), but no more than the processor time that its control
// groups grant, rounded up, as `docker --cpus=2` sets it. At least 1. `root` stands before /proc and /sys, for tests.
int available_threads(const std::filesystem::path& root = "/");

// As the kernel names it; "cpu" where it does not.
std::string processor_name(const std::filesystem::path& root = "/");

}  // namespace t3video
