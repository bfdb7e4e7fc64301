// The CPU's pool: what it asks the system for, and that the run that only counts sees the same.
#include "tensor/allocator.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/errors.h"

namespace t3video {
namespace {

TEST(CpuPool, FreedBlocksServeTheSameSizes) {
    const auto pool = make_cpu_allocator();
    EXPECT_EQ(pool->requests(), 0U);
    auto a = pool->allocate(1000), b = pool->allocate(1000);
    EXPECT_EQ(pool->requests(), 2U);
    a.reset();
    a = pool->allocate(1000);
    EXPECT_EQ(pool->requests(), 2U);
    const auto larger = pool->allocate(100000);
    EXPECT_EQ(pool->requests(), 3U);
    b.reset();
    pool->trim();
    b = pool->allocate(1000);
    EXPECT_EQ(pool->requests(), 4U) << "a block that was given back served again";
}

TEST(CpuPool, CountsAsTheMetaPool) {
    const auto real = make_cpu_allocator(), meta = make_meta_pool();
    for (const auto& pool : {real, meta}) {
        std::vector<std::shared_ptr<Storage>> blocks;
        for (const size_t bytes : {10, 600, 5000, 70000, 600}) blocks.push_back(pool->allocate(bytes));
        blocks.erase(blocks.begin() + 1, blocks.begin() + 3);
        blocks.push_back(pool->allocate(600));
        blocks.push_back(pool->allocate(9000));
    }
    EXPECT_GT(real->peak(), size_t{85000});
    EXPECT_EQ(real->peak(), meta->peak());
    for (const auto& pool : {real, meta}) pool->reset_peak();
    EXPECT_EQ(real->peak(), meta->peak()) << "blocks that are kept count on";
    for (const auto& pool : {real, meta}) {
        pool->trim();
        pool->reset_peak();
        EXPECT_EQ(pool->peak(), 0U);
    }
}

// Sums of sizes that no machine has would overflow.
TEST(MetaAllocators, RefuseWhatCannotBeCounted) {
    for (const auto& allocator : {make_meta_pool(), make_meta_allocator()}) {
        testing::expect_invalid([&] { allocator->allocate(SIZE_MAX); }, {"too large to be planned"});
        std::vector<std::shared_ptr<Storage>> blocks;
        testing::expect_invalid(
            [&] {
                while (true) blocks.push_back(allocator->allocate(size_t{1} << 58));
            },
            {"too large to be planned"});
        EXPECT_LE(allocator->peak(), SIZE_MAX / 2);
    }
}

}  // namespace
}  // namespace t3video
