// Loops whose iterations are alike.
#pragma once

#include <cstdint>
#include <functional>

#include "tensor/context.h"

namespace t3video {

// Calls body(0) to body(count - 1). What an iteration leaves in memory takes the place of what the one before left
// there; only the first few, while what they hand on is not yet complete, and the last may differ from the others.
//
// Where Context::skips_repeats(), iterations are left out once they repeat themselves: once they do the same work as
// some before and leave memory arranged as those did. Their work is counted; the last is called.
void repeat(Context& ctx, int64_t count, const std::function<void(int64_t)>& body);

}  // namespace t3video
