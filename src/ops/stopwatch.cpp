// Stopwatch: the CPU's steady clock, or the GPU's events.
#include "ops/stopwatch.h"

#include <chrono>

#include "core/build.h"
#include "cuda/event.h"

namespace t3video::ops {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

Stopwatch::Stopwatch(Context& ctx) : ctx_(ctx) {
    if constexpr (kWithCuda) {
        if (ctx.device() == Device::cuda) {
            start_ = cuda::record_event(ctx);
            return;
        }
    }
    start_ = std::make_shared<Clock::time_point>(Clock::now());
}

double Stopwatch::seconds() {
    if constexpr (kWithCuda) {
        if (ctx_.device() == Device::cuda) return cuda::seconds_since(ctx_, start_);
    }
    return std::chrono::duration<double>(Clock::now() - *static_cast<Clock::time_point*>(start_.get())).count();
}

}  // namespace t3video::ops
