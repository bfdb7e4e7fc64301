// Parallel loops on OpenMP.
#include "core/parallel.h"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <optional>

#include "core/cgroup.h"
#include "core/error.h"
#include "core/signal_stack.h"

namespace t3video {
namespace {

// Libraries that ask OpenMP how many threads to use find one while this lives, as they do inside a parallel region:
// what a body computes is then the same on any number of threads.
class OneThread {
  public:
    OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
    ~OneThread() { omp_set_num_threads(before_); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

  private:
    int before_;
};

// Whole processors that a group may keep busy; 0: no limit. Version 2 has "QUOTA PERIOD" in one file, in microseconds.
int64_t quota_of(const Cgroup& group) {
    std::optional<int64_t> quota, period;
    if (group.unified) {
        std::ifstream file(group.folder / "cpu.max");
        int64_t granted = 0, of = 0;
        if (file >> granted >> of) quota = granted, period = of;
    } else {
        quota = number_in(group.folder / "cpu.cfs_quota_us");  // -1: no limit
        period = number_in(group.folder / "cpu.cfs_period_us");
    }
    return quota && period && *quota > 0 && *period > 0 ? (*quota + *period - 1) / *period : 0;
}

}  // namespace

void parallel_for(int threads, int64_t begin, int64_t end, int64_t grain,
                  const std::function<void(int64_t, int64_t)>& body) {
    require(threads >= 1 && grain >= 1, "parallel_for: threads ", threads, ", grain ", grain);
    const int64_t count = end - begin;
    if (count <= 0) return;
    // Eight chunks a thread even out unequal work; more would only add overhead.
    const int64_t chunk = std::max(grain, (count + threads * 8 - 1) / (threads * 8));
    const int64_t chunks = (count + chunk - 1) / chunk;
    if (threads == 1 || chunks == 1 || omp_in_parallel()) {
        const OneThread here;
        body(begin, end);
        return;
    }
    std::exception_ptr failure;
#pragma omp parallel num_threads(threads)
    {
        use_signal_stack();  // also in those that get no chunk: libraries compute on them next
#pragma omp for schedule(dynamic)
        for (int64_t c = 0; c < chunks; ++c) {
            try {
                body(begin + c * chunk, std::min(begin + (c + 1) * chunk, end));
            } catch (...) {
#pragma omp critical(t3video_parallel_failure)
                failure = std::current_exception();
            }
        }
    }
    if (failure) std::rethrow_exception(failure);
}

int available_threads(const std::filesystem::path& root) {
    int64_t threads = std::max(1, omp_get_num_procs());  // as affinity says
    for (const Cgroup& group : cgroups_of("cpu", root)) {
        if (const int64_t quota = quota_of(group); quota > 0) threads = std::min(threads, quota);
    }
    return static_cast<int>(threads);
}

std::string processor_name(const std::filesystem::path& root) {
    std::ifstream file(root / "proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const size_t colon = line.find(": ");
        if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "cpu";
}

}  // namespace t3video
