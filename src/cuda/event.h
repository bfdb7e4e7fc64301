// Points in the order of the GPU's work.
#pragma once

#include <memory>

#include "tensor/context.h"

namespace t3video::cuda {

std::shared_ptr<void> record_event(Context& ctx);
// Waits for the work asked for so far.
double seconds_since(Context& ctx, const std::shared_ptr<void>& event);

}  // namespace t3video::cuda
