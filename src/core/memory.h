// How much memory this process may still take.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>

namespace t3video {

// Of the bytes that may be taken, what the program, its libraries and what they keep take: measured 40 to 94 MiB.
constexpr int64_t kProgramBytes = int64_t{100} << 20;

struct MemoryLimit {
    int64_t bytes = std::numeric_limits<int64_t>::max();  // as where the kernel says nothing
    // What sets it, as a phrase for people: "what the memory cgroup's limit of 300 MiB leaves"; empty: the machine's
    // memory.
    std::string reason;
};

// The least of: what the machine can give without swapping, as the kernel estimates it; what every memory cgroup above
// this process has left, files in the system's cache not counted, which give way; and what the limits of address space
// and data (ulimit -v, -d) leave when the stacks of threads are taken off. `root` stands before /proc and /sys, for
// tests.
MemoryLimit memory_limit(const std::filesystem::path& root = "/");

inline int64_t available_memory() {
    return memory_limit().bytes;
}

// Where the address space or data is limited: threads get small stacks and no heaps of their own, which take 8 and 64
// MiB of it each, and what the C library loads when a thread ends is loaded now, as it aborts where that fails.
// Programs call it before they start threads.
void spare_address_space();

}  // namespace t3video
