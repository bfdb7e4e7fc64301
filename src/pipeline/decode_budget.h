// Memory that a decode may take.
#pragma once

#include "tensor/context.h"

namespace t3video::pipeline {

// Bytes. On the CPU half of what the machine has available; on a GPU what the context may use, but no more than larger
// bands repay. `limit` > 0 lowers it.
int64_t decode_budget(const Context& ctx, int64_t limit = 0);

}  // namespace t3video::pipeline
