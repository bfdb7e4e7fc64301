// Leaves out what repeats itself, where that is asked for.
#include "tensor/repeat.h"

#include <algorithm>
#include <vector>

namespace t3video {
namespace {

struct Iteration {
    Work work;
    uint64_t arrangement;  // of memory, behind it

    friend bool operator==(const Iteration&, const Iteration&) = default;
};

// Calls body(i) and looks at it. Its work is added up on its own: a difference of large sums would not be exact.
Iteration look_at(Context& ctx, int64_t i, const std::function<void(int64_t)>& body) {
    const Work before = ctx.work();
    ctx.count(Work() - before);
    body(i);
    const Iteration seen{ctx.work(), ctx.allocator().arrangement()};
    ctx.count(before);
    return seen;
}

// After how many iterations the last ones came again: as many before them are the same; 0 if none. Where memory is
// long in settling, the second half of very many is taken for what goes on.
size_t period_of(const std::vector<Iteration>& seen) {
    constexpr size_t kMany = 256;
    if (seen.size() == kMany) return kMany / 2;
    for (size_t period = 1; 2 * period <= seen.size(); ++period) {
        const auto last = seen.end() - static_cast<std::ptrdiff_t>(period);
        if (std::equal(last, seen.end(), last - static_cast<std::ptrdiff_t>(period))) return period;
    }
    return 0;
}

}  // namespace

void repeat(Context& ctx, int64_t count, const std::function<void(int64_t)>& body) {
    int64_t next = 0;
    if (ctx.skips_repeats()) {
        std::vector<Iteration> seen;
        while (next + 1 < count) {
            seen.push_back(look_at(ctx, next++, body));
            const size_t period = period_of(seen);
            if (period == 0) continue;
            const int64_t times = (count - 1 - next) / static_cast<int64_t>(period);
            for (auto i = seen.end() - static_cast<std::ptrdiff_t>(period); i != seen.end(); ++i)
                ctx.count(i->work * double(times));
            next += times * static_cast<int64_t>(period);
            break;
        }
    }
    for (; next < count; ++next) body(next);
}

}  // namespace t3video
