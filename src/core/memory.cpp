// Reads /proc and control groups: proc(5), the kernel's admin-guide/cgroup-v1/memory and cgroup-v2.
#include "core/memory.h"

#include <execinfo.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>

#include "core/cgroup.h"
#include "core/error.h"
#include "core/parallel.h"

namespace t3video {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kStack = int64_t{2} << 20;  // of a thread, where address space is spared

std::string phrase(const char* whose, int64_t limit) {
    return concat("what ", whose, " of ", limit >> 20, " MiB leaves");
}

MemoryLimit of_machine(const fs::path& root) {
    const int64_t kilobytes = number_in(root / "proc/meminfo", "MemAvailable:");
    return kilobytes > 0 ? MemoryLimit{kilobytes * 1024, ""} : MemoryLimit();
}

// memory.high only slows a group down, so it does not count.
MemoryLimit of_cgroup(const Cgroup& group) {
    constexpr int64_t kNone = int64_t{1} << 60;  // version 1 writes a number near 2^63
    const bool unified = group.unified;
    const auto limit = number_in(group.folder / (unified ? "memory.max" : "memory.limit_in_bytes"));
    const auto used = number_in(group.folder / (unified ? "memory.current" : "memory.usage_in_bytes"));
    if (!limit || !used || *limit >= kNone) return {};
    const std::string all = unified ? "" : "total_";  // with the groups below, as `used` is
    const fs::path stat = group.folder / "memory.stat";
    const int64_t cached = number_in(stat, all + "inactive_file") + number_in(stat, all + "active_file");
    return {*limit - std::max<int64_t>(0, *used - cached), phrase("the memory cgroup's limit", *limit)};
}

// A line of /proc/self/limits: "Max address space         614400000            unlimited            bytes".
int64_t soft_limit(const fs::path& root, const std::string& name) {
    std::ifstream limits(root / "proc/self/limits");
    for (std::string line; std::getline(limits, line);) {
        if (!line.starts_with(name)) continue;
        const size_t begin = line.find_first_not_of(' ', name.size());
        if (begin != std::string::npos && std::isdigit(static_cast<unsigned char>(line[begin])))
            return std::stoll(line.substr(begin));
    }
    return 0;
}

// Mapped files count too, so what is left depends on whether the model is open.
MemoryLimit of_process(const fs::path& root, const char* limited, const char* used, const char* whose) {
    const int64_t limit = soft_limit(root, limited), kilobytes = number_in(root / "proc/self/status", used);
    if (limit == 0 || kilobytes == 0) return {};
    const int64_t stacks = kStack * (2 * available_threads() + 8);  // ours and an encoder's
    return {limit - kilobytes * 1024 - stacks, phrase(whose, limit)};
}

bool is_limited(int resource) {
    struct rlimit limit {};
    return getrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

}  // namespace

MemoryLimit memory_limit(const fs::path& root) {
    std::vector<MemoryLimit> limits{
        of_machine(root), of_process(root, "Max address space", "VmSize:", "the limit of address space (ulimit -v)"),
        of_process(root, "Max data size", "VmData:", "the limit of data (ulimit -d)")};
    for (const Cgroup& group : cgroups_of("memory", root)) limits.push_back(of_cgroup(group));
    MemoryLimit least = *std::ranges::min_element(limits, {}, &MemoryLimit::bytes);
    least.bytes = std::max<int64_t>(0, least.bytes);
    return least;
}

void spare_address_space() {
    if (!is_limited(RLIMIT_AS) && !is_limited(RLIMIT_DATA)) return;
    mallopt(M_ARENA_MAX, 1);
    pthread_attr_t attributes;
    pthread_getattr_default_np(&attributes);
    pthread_attr_setstacksize(&attributes, static_cast<size_t>(kStack));
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
    void* frame = nullptr;
    backtrace(&frame, 1);  // loads libgcc_s
}

}  // namespace t3video
