// Parallel loops on OpenMP.
#include "core/parallel.h"

#include <omp.h>

#include <algorithm>
#include <exception>

#include "core/error.h"

namespace t3video {
namespace {

// Libraries that ask OpenMP how many threads to use find one while this lives, as they do inside a parallel region: what
// a body computes is then the same on any number of threads.
class OneThread {
  public:
    OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
    ~OneThread() { omp_set_num_threads(before_); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

  private:
    int before_;
};

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
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int64_t c = 0; c < chunks; ++c) {
        try {
            body(begin + c * chunk, std::min(begin + (c + 1) * chunk, end));
        } catch (...) {
#pragma omp critical(t3video_parallel_failure)
            failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
}

int available_threads() {
    return std::max(1, omp_get_num_procs());
}

}  // namespace t3video
