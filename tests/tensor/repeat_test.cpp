// Loops of like iterations: all of them where something is computed, and the same counts without the most where not.
#include "tensor/repeat.h"

#include <gtest/gtest.h>

#include <vector>

#include "tensor/tensor.h"

namespace t3video {
namespace {

// Which iterations are called, the work and the peak of a loop whose iterations keep `kept` tensors of those before.
struct Seen {
    std::vector<int64_t> called;
    Work work;
    size_t peak = 0;
};

Seen run(bool skips, bool arena, int64_t count, size_t kept, const std::function<int64_t(int64_t)>& rows) {
    Context ctx({.device = Device::meta,
                 .compute_type = DType::f32,
                 .allocator = arena ? make_meta_allocator() : make_meta_pool(),
                 .skips_repeats = skips},
                1);
    Seen r;
    std::vector<Tensor> history;
    repeat(ctx, count, [&](int64_t i) {
        r.called.push_back(i);
        history.push_back(empty(ctx, {rows(i), 1000}));
        empty(ctx, {3 * rows(i), 1000});
        if (history.size() > kept) history.erase(history.begin());
        ctx.count({.matrix = 7.0 * double(rows(i)), .bytes = double(rows(i))});
    });
    r.work = ctx.work();
    r.peak = ctx.allocator().peak();
    return r;
}

TEST(Repeat, CountsAsAllIterations) {
    const auto alike = [](int64_t) { return int64_t{5}; };
    for (const bool arena : {false, true}) {
        for (const size_t kept : {0, 1, 2, 5}) {
            for (const int64_t count : {0, 1, 2, 3, 7, 30, 1001}) {
                const auto rows = [&](int64_t i) { return i + 1 == count ? int64_t{2} : alike(i); };
                const Seen all = run(false, arena, count, kept, rows), some = run(true, arena, count, kept, rows);
                EXPECT_EQ(static_cast<int64_t>(all.called.size()), count);
                EXPECT_EQ(some.work, all.work) << count << " of " << kept;
                EXPECT_EQ(some.peak, all.peak) << count << " of " << kept;
                EXPECT_LE(some.called.size(), 20U);
                if (count == 0) continue;
                EXPECT_EQ(some.called.back(), count - 1);
            }
        }
    }
}

TEST(Repeat, FindsLongerPeriods) {
    const auto rows = [](int64_t i) { return 1 + i % 3; };
    const Seen all = run(false, true, 1000, 1, rows), some = run(true, true, 1000, 1, rows);
    EXPECT_EQ(some.work, all.work);
    EXPECT_EQ(some.peak, all.peak);
    EXPECT_LE(some.called.size(), 20U);
}

// Memory that never lies twice the same way ends the looking, not the counting.
TEST(Repeat, EndsWhereNothingRepeats) {
    const auto rows = [](int64_t i) { return 1 + i % 1009; };
    EXPECT_LT(run(true, false, 1'000'000, 1, rows).called.size(), 600U);
}

TEST(Repeat, LeavesNothingOutThatDiffers) {
    const auto rows = [](int64_t i) { return 1 + i * i; };
    EXPECT_EQ(run(true, true, 50, 1, rows).called.size(), 50U);
}

TEST(Repeat, RealWorkIsAllDone) {
    Context ctx(1);
    std::vector<int64_t> called;
    repeat(ctx, 1000, [&](int64_t i) { called.push_back(i); });
    ASSERT_EQ(called.size(), 1000U);
    EXPECT_EQ(called.back(), 999);
}

}  // namespace
}  // namespace t3video
