// Parallel loops over an index range. They run on OpenMP because oneDNN does: one pool serves both, nothing is
// oversubscribed, and the thread count is one number.
#pragma once

#include <cstdint>
#include <functional>

namespace t3video {

// Calls body(first, last) on disjoint chunks of [begin, end), at least `grain` indices each (the last may be shorter),
// on at most `threads` threads. Every index is visited once; chunks are handed out as threads become free. An exception
// thrown by a body reaches the caller. Inside a parallel loop the call runs serially.
void parallel_for(int threads, int64_t begin, int64_t end, int64_t grain,
                  const std::function<void(int64_t first, int64_t last)>& body);

// Cores this process may use.
int available_threads();

}  // namespace t3video
