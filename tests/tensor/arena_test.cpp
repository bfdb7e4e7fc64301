// Blocks never overlap, freed room is found again, and the peak is what was in use.
#include "tensor/arena.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace t3video {
namespace {

TEST(Arena, BlocksFollowOneAnother) {
    Arena arena(1 << 20);
    EXPECT_EQ(arena.allocate(1), 0U);
    EXPECT_EQ(arena.allocate(513), 512U);
    EXPECT_EQ(arena.allocate(512), 1536U);
    EXPECT_EQ(arena.used(), 2048U);
    EXPECT_EQ(arena.end(), 2048U);
}

TEST(Arena, NeighboursThatAreFreeBecomeOne) {
    Arena arena(1 << 20);
    const size_t a = *arena.allocate(512), b = *arena.allocate(512), c = *arena.allocate(512), d = *arena.allocate(512);
    arena.free(a);
    arena.free(c);
    EXPECT_EQ(arena.allocate(1024), 2048U) << "two gaps of 512 are not one of 1024";
    arena.free(b);
    EXPECT_EQ(arena.allocate(1536), 0U);
    arena.free(d);
}

TEST(Arena, TakesTheFirstGapThatFits) {
    Arena arena(1 << 20);
    const size_t small = *arena.allocate(1024);
    arena.allocate(512);
    const size_t large = *arena.allocate(4096);
    arena.allocate(512);
    arena.free(large);
    arena.free(small);
    EXPECT_EQ(arena.allocate(1025), large);
    EXPECT_EQ(arena.allocate(1000), small);
}

// The same blocks are the same arrangement, however they came to lie so.
TEST(Arena, ArrangementTellsBlocksApart) {
    Arena arena(1 << 20);
    const uint64_t none = arena.arrangement();
    const size_t a = *arena.allocate(512), b = *arena.allocate(1024);
    const uint64_t two = arena.arrangement();
    EXPECT_NE(two, none);
    arena.free(a);
    EXPECT_NE(arena.arrangement(), two);
    const size_t again = *arena.allocate(512);
    EXPECT_EQ(arena.arrangement(), two);
    arena.free(b);
    const size_t shorter = *arena.allocate(600);
    EXPECT_EQ(arena.arrangement(), two) << "600 bytes take 1024";
    arena.free(shorter);
    arena.free(again);
    EXPECT_EQ(arena.arrangement(), none);
}

TEST(Arena, RefusesWhatEndsPastTheLimit) {
    Arena arena(2048);
    EXPECT_FALSE(arena.allocate(2049));
    EXPECT_FALSE(arena.allocate(SIZE_MAX));
    const auto whole = arena.allocate(2048);
    ASSERT_TRUE(whole);
    EXPECT_FALSE(arena.allocate(1));
    arena.free(*whole);
    EXPECT_TRUE(arena.allocate(1));
}

TEST(Arena, PeakIsTheHighestEndSinceTheReset) {
    Arena arena(1 << 20);
    const size_t a = *arena.allocate(512), b = *arena.allocate(4096);
    arena.free(b);
    EXPECT_EQ(arena.peak(), 4608U);
    arena.reset_peak();
    EXPECT_EQ(arena.peak(), 512U);
    arena.free(a);
    EXPECT_EQ(arena.end(), 0U);
}

TEST(Arena, RandomUseNeverOverlaps) {
    Arena arena(1 << 22);
    std::mt19937 random(1);
    struct Block {
        size_t offset, bytes;
    };
    std::vector<Block> blocks;
    for (int step = 0; step < 20000; ++step) {
        if (blocks.empty() || random() % 5 < 3) {
            const size_t bytes = 1 + random() % 40000;
            const auto offset = arena.allocate(bytes);
            if (!offset) continue;
            ASSERT_LE(*offset + bytes, arena.limit());
            for (const Block& other : blocks)
                ASSERT_TRUE(*offset + bytes <= other.offset || other.offset + other.bytes <= *offset);
            blocks.push_back({*offset, bytes});
        } else {
            const size_t i = random() % blocks.size();
            arena.free(blocks[i].offset);
            blocks[i] = blocks.back();
            blocks.pop_back();
        }
    }
    for (const Block& block : blocks) arena.free(block.offset);
    EXPECT_EQ(arena.used(), 0U);
    EXPECT_EQ(arena.end(), 0U);
    EXPECT_EQ(arena.allocate(arena.limit()), 0U) << "all room is one again";
}

}  // namespace
}  // namespace t3video
