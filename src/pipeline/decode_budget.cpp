// The budget by device.
#include "pipeline/decode_budget.h"

#include <algorithm>

#include "core/memory.h"

namespace t3video::pipeline {
namespace {

// Taller bands than fit this much are no faster.
constexpr int64_t kEnough = int64_t{16} << 30;
constexpr double kShare = 0.9;  // of the GPU: the estimate of a decode is not exact

}  // namespace

int64_t decode_budget(const Context& ctx, int64_t limit) {
    const auto allowed = static_cast<int64_t>(ctx.allocator().limit());
    const int64_t budget = ctx.device() == Device::cpu
                               ? available_memory() / 2
                               : std::min(kEnough, static_cast<int64_t>(kShare * double(allowed)));
    return limit > 0 ? std::min(limit, budget) : budget;
}

}  // namespace t3video::pipeline
