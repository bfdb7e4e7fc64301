// The time that a context's work takes, on its own clock.
#pragma once

#include <memory>

#include "tensor/context.h"

namespace t3video::ops {

// Starts when made. On the GPU both ends are events in the order of its work.
class Stopwatch {
  public:
    explicit Stopwatch(Context& ctx);
    // Since the start; waits until the work asked for so far is done.
    double seconds();

  private:
    Context& ctx_;
    std::shared_ptr<void> start_;
};

}  // namespace t3video::ops
