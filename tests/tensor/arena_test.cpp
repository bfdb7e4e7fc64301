// Blocks never overlap, freed room is found again, and the peak is what was in use.
#include "tensor/arena.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace t3video {
namespace {

TEST(Arena, BlocksFollowOneAnother) {
    Arena arena(1 << 20);
    EXPECT_EQ(arena.take(1), 0U);
    EXPECT_EQ(arena.take(513), 512U);
    EXPECT_EQ(arena.take(512), 1536U);
    EXPECT_EQ(arena.used(), 2048U);
    EXPECT_EQ(arena.end(), 2048U);
}

TEST(Arena, NeighboursThatAreFreeBecomeOne) {
    Arena arena(1 << 20);
    const size_t a = *arena.take(512), b = *arena.take(512), c = *arena.take(512), d = *arena.take(512);
    arena.give(a);
    arena.give(c);
    EXPECT_EQ(arena.take(1024), 2048U) << "two gaps of 512 are not one of 1024";
    arena.give(b);
    EXPECT_EQ(arena.take(1536), 0U);
    arena.give(d);
}

TEST(Arena, TakesTheFirstGapThatFits) {
    Arena arena(1 << 20);
    const size_t small = *arena.take(1024);
    arena.take(512);
    const size_t large = *arena.take(4096);
    arena.take(512);
    arena.give(large);
    arena.give(small);
    EXPECT_EQ(arena.take(1025), large);
    EXPECT_EQ(arena.take(1000), small);
}

// The same blocks are the same arrangement, however they came to lie so.
TEST(Arena, ArrangementTellsBlocksApart) {
    Arena arena(1 << 20);
    const uint64_t none = arena.arrangement();
    const size_t a = *arena.take(512), b = *arena.take(1024);
    const uint64_t two = arena.arrangement();
    EXPECT_NE(two, none);
    arena.give(a);
    EXPECT_NE(arena.arrangement(), two);
    const size_t again = *arena.take(512);
    EXPECT_EQ(arena.arrangement(), two);
    arena.give(b);
    const size_t shorter = *arena.take(600);
    EXPECT_EQ(arena.arrangement(), two) << "600 bytes take 1024";
    arena.give(shorter);
    arena.give(again);
    EXPECT_EQ(arena.arrangement(), none);
}

TEST(Arena, RefusesWhatEndsPastTheLimit) {
    Arena arena(2048);
    EXPECT_FALSE(arena.take(2049));
    EXPECT_FALSE(arena.take(SIZE_MAX));
    const auto whole = arena.take(2048);
    ASSERT_TRUE(whole);
    EXPECT_FALSE(arena.take(1));
    arena.give(*whole);
    EXPECT_TRUE(arena.take(1));
}

TEST(Arena, PeakIsTheHighestEndSinceTheReset) {
    Arena arena(1 << 20);
    const size_t a = *arena.take(512), b = *arena.take(4096);
    arena.give(b);
    EXPECT_EQ(arena.peak(), 4608U);
    arena.reset_peak();
    EXPECT_EQ(arena.peak(), 512U);
    arena.give(a);
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
            const auto offset = arena.take(bytes);
            if (!offset) continue;
            ASSERT_LE(*offset + bytes, arena.limit());
            for (const Block& other : blocks)
                ASSERT_TRUE(*offset + bytes <= other.offset || other.offset + other.bytes <= *offset);
            blocks.push_back({*offset, bytes});
        } else {
            const size_t i = random() % blocks.size();
            arena.give(blocks[i].offset);
            blocks[i] = blocks.back();
            blocks.pop_back();
        }
    }
    for (const Block& block : blocks) arena.give(block.offset);
    EXPECT_EQ(arena.used(), 0U);
    EXPECT_EQ(arena.end(), 0U);
    EXPECT_EQ(arena.take(arena.limit()), 0U) << "all room is one again";
}

}  // namespace
}  // namespace t3video
