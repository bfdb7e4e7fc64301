// Available memory from /proc/meminfo.
#include "core/memory.h"

#include <fstream>
#include <limits>
#include <string>

namespace t3video {

int64_t available_memory() {
    std::ifstream meminfo("/proc/meminfo");
    return available_memory(meminfo);
}

int64_t available_memory(std::istream& meminfo) {
    const std::string field = "MemAvailable:";
    for (std::string line; std::getline(meminfo, line);) {
        if (line.starts_with(field)) return std::stoll(line.substr(field.size())) * 1024;  // "MemAvailable:  123 kB"
    }
    return std::numeric_limits<int64_t>::max();
}

}  // namespace t3video
