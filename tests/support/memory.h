// What the kernel says about this process's memory.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace t3video::testing {

// A field of /proc/self/status in kB: VmHWM (peak resident), RssAnon (resident, not backed by a file). -1 if absent.
inline int64_t memory_kb(const std::string& field) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(field + ":")) return std::stoll(line.substr(field.size() + 1));
    }
    return -1;
}

#if defined(__has_feature)  // Clang
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define T3VIDEO_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define T3VIDEO_SANITIZED
#endif

#ifdef T3VIDEO_SANITIZED
inline constexpr bool kMemoryIsMeasurable = false;  // its shadow and quarantine are in every number
#else
inline constexpr bool kMemoryIsMeasurable = true;
#endif

}  // namespace t3video::testing
