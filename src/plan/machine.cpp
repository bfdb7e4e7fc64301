// Limits by device.
#include "plan/machine.h"

#include <algorithm>
#include <limits>

#include "core/memory.h"

namespace t3video::plan {
namespace {

// Bytes. On the CPU half of what the machine has available; on a GPU what the context may use, as its estimate is not
// exact, and no more than taller bands repay. `limit` > 0 lowers it.
int64_t decode_budget(const Context& ctx, int64_t limit, int64_t available) {
    constexpr int64_t kEnough = int64_t{16} << 30;
    constexpr double kShare = 0.9;
    const int64_t budget = ctx.device() == Device::cpu
                               ? available / 2
                               : std::min(kEnough, static_cast<int64_t>(kShare * double(ctx.allocator().limit())));
    return limit > 0 ? std::min(limit, budget) : budget;
}

}  // namespace

Machine machine_of(const Context& ctx, int64_t memory, size_t held) {
    Machine m{.device = ctx.traits(), .compute_type = ctx.compute_type()};
    const MemoryLimit limit = memory_limit();
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 2;  // where nothing limits
    const int64_t available = std::min(limit.bytes, kMost) + static_cast<int64_t>(held);
    m.decode_budget = decode_budget(ctx, memory, available);
    if (ctx.device() == Device::cpu) {
        // Of the machine's memory, unlike of a limit, swapping gives more.
        const bool asked = memory > 0 && (memory <= available || limit.reason.empty());
        m.allowed = static_cast<size_t>(asked ? memory : available);
        if (!asked) m.limit = limit.reason;
        m.packing = memory > 0 ? m.allowed : m.allowed / 2;  // what is available changes while a film is made
        m.taken = static_cast<size_t>(kProgramBytes);
        return m;
    }
    Allocator& allocator = ctx.allocator();
    allocator.reset_peak();
    m.allowed = allocator.limit() + allocator.set_aside();
    m.taken = allocator.peak() + allocator.set_aside();
    return m;
}

int64_t host_memory(const Context& ctx, int64_t memory) {
    return ctx.device() == Device::cpu && memory > 0 ? memory : available_memory();
}

}  // namespace t3video::plan
