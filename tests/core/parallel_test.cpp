// parallel_for: each index once, exceptions reach the caller, nesting runs serially.
#include "core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "core/error.h"

namespace t3video {
namespace {

struct ParallelCase {
    int threads;
    int64_t begin, end, grain;
};

class ParallelFor : public ::testing::TestWithParam<ParallelCase> {};

TEST_P(ParallelFor, VisitsEachIndexOnceInChunksOfTheGrain) {
    const auto [threads, begin, end, grain] = GetParam();
    const int64_t least = grain;  // clang 16 captures no structured bindings in programs with OpenMP
    std::vector<std::atomic<int>> visits(static_cast<size_t>(end));
    std::atomic<int> short_chunks = 0;
    parallel_for(threads, begin, end, grain, [&](int64_t first, int64_t last) {
        if (last - first < least) ++short_chunks;
        for (int64_t i = first; i < last; ++i) ++visits[static_cast<size_t>(i)];
    });
    for (int64_t i = 0; i < end; ++i) ASSERT_EQ(visits[static_cast<size_t>(i)], i >= begin ? 1 : 0) << "index " << i;
    EXPECT_LE(short_chunks, 1);
}

INSTANTIATE_TEST_SUITE_P(Ranges, ParallelFor,
                         ::testing::Values(ParallelCase{1, 0, 100, 1}, ParallelCase{4, 0, 1, 1},
                                           ParallelCase{4, 3, 1000, 7}, ParallelCase{3, 0, 17, 5},
                                           ParallelCase{16, 0, 5, 1}, ParallelCase{2, 10, 10, 1}));

TEST(Parallel, EmptyAndBackwardRangesDoNothing) {
    parallel_for(4, 5, 5, 1, [](int64_t, int64_t) { FAIL(); });
    parallel_for(4, 5, 2, 1, [](int64_t, int64_t) { FAIL(); });
}

TEST(Parallel, PassesExceptionsOn) {
    for (const int threads : {1, 4}) {
        const auto fails_at_50 = [](int64_t first, int64_t last) {
            if (first <= 50 && 50 < last) throw InvalidRequest("index 50");
        };
        EXPECT_THROW(parallel_for(threads, 0, 100, 1, fails_at_50), InvalidRequest);
    }
    // The pool still works afterwards.
    std::atomic<int64_t> count = 0;
    parallel_for(4, 0, 100, 1, [&](int64_t first, int64_t last) { count += last - first; });
    EXPECT_EQ(count, 100);
}

TEST(Parallel, NestedLoopsVisitEverythingToo) {
    std::atomic<int64_t> count = 0;
    parallel_for(4, 0, 10, 1, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            parallel_for(4, 0, 10, 1, [&](int64_t a, int64_t b) { count += b - a; });
        }
    });
    EXPECT_EQ(count, 100);
}

TEST(Parallel, RejectsBadArguments) {
    EXPECT_THROW(parallel_for(0, 0, 1, 1, [](int64_t, int64_t) {}), Error);
    EXPECT_THROW(parallel_for(1, 0, 1, 0, [](int64_t, int64_t) {}), Error);
    EXPECT_GE(available_threads(), 1);
}

}  // namespace
}  // namespace t3video
