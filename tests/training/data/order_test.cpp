// The order of a run: complete, mixed, the same again from any position.
#include "training/data/order.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "support/errors.h"

namespace t3video::training {
namespace {

using testing::expect_invalid;

const std::vector<OrderEntry> kEntries = {{1, 7}, {3, 7}, {1, 2}, {2, 7}, {1, 2}, {1, 2}, {1, 9}, {4, 2}};

std::vector<Batch> run_of(DataOrder& order, int64_t from, int64_t count) {
    std::vector<Batch> batches;
    for (int64_t i = from; i < from + count; ++i) batches.push_back(order.at(i));
    return batches;
}

TEST(DataOrder, AnEpochHoldsEverythingAsOftenAsItRepeats) {
    DataOrder order(kEntries, 4, 5);
    EXPECT_EQ(order.picks(), 14);
    EXPECT_EQ(order.batches(), 2 + 2 + 1);  // of 6, 7 and 1
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
        std::map<int64_t, std::set<int64_t>> turns;
        for (const Batch& batch : run_of(order, epoch * 5, 5)) {
            ASSERT_FALSE(batch.empty());
            EXPECT_LE(batch.size(), 4u);
            for (const Pick& pick : batch) {
                EXPECT_EQ(kEntries.at(pick.entry).bucket, kEntries.at(batch[0].entry).bucket);
                EXPECT_TRUE(turns[pick.entry].insert(pick.turn).second);
            }
        }
        ASSERT_EQ(turns.size(), kEntries.size());
        for (const auto& [entry, seen] : turns) {
            const int64_t repeats = kEntries[entry].repeats;
            EXPECT_EQ(static_cast<int64_t>(seen.size()), repeats);
            EXPECT_EQ(*seen.begin(), epoch * repeats);
            EXPECT_EQ(*seen.rbegin(), epoch * repeats + repeats - 1);
        }
    }
}

TEST(DataOrder, GoesOnFromAnyPosition) {
    DataOrder whole(kEntries, 2, 5);
    const std::vector<Batch> expected = run_of(whole, 0, 40);
    for (int64_t from = 39; from >= 0; --from) {
        DataOrder resumed(kEntries, 2, 5);
        EXPECT_EQ(run_of(resumed, from, 40 - from), std::vector<Batch>(expected.begin() + from, expected.end()));
        EXPECT_EQ(whole.at(from), expected[from]);  // backwards too
    }
}

TEST(DataOrder, FollowsSeedAndEpoch) {
    const std::vector<OrderEntry> entries(50);
    DataOrder order(entries, 1, 5), same(entries, 1, 5), other(entries, 1, 6);
    const auto entries_in = [](const std::vector<Batch>& batches) {
        std::vector<int64_t> found;
        for (const Batch& batch : batches) found.push_back(batch[0].entry);
        return found;
    };
    EXPECT_EQ(run_of(order, 0, 50), run_of(same, 0, 50));
    EXPECT_NE(entries_in(run_of(order, 0, 50)), entries_in(run_of(other, 0, 50)));
    EXPECT_NE(entries_in(run_of(order, 0, 50)), entries_in(run_of(order, 50, 50)));
}

TEST(DataOrder, BucketsTakeTurns) {
    std::vector<OrderEntry> entries(40);
    for (size_t i = 0; i < 20; ++i) entries[i].bucket = 1;
    DataOrder order(entries, 1, 5);
    int changes = 0;
    for (int64_t i = 1; i < 40; ++i) changes += (order.at(i)[0].entry < 20) != (order.at(i - 1)[0].entry < 20);
    EXPECT_GT(changes, 10);  // 20 are to be expected, with a deviation of 3
}

// The draws are those of std::mt19937_64, whose values the C++ standard fixes: a run goes on on another machine.
TEST(DataOrder, IsTheSameOnEveryMachine) {
    DataOrder order(std::vector<OrderEntry>(8), 8, 1);
    std::vector<int64_t> found;
    for (const Pick& pick : order.at(0)) found.push_back(pick.entry);
    EXPECT_EQ(found, (std::vector<int64_t>{5, 0, 1, 3, 7, 2, 4, 6}));
}

// Every order of four comes about equally often: 24 orders, 2400 epochs, each 100 times with a deviation of 10.
TEST(DataOrder, PrefersNoOrder) {
    DataOrder order(std::vector<OrderEntry>(4), 1, 3);
    std::map<std::vector<int64_t>, int> counts;
    for (int64_t epoch = 0; epoch < 2400; ++epoch) {
        std::vector<int64_t> found;
        for (const Batch& batch : run_of(order, epoch * 4, 4)) found.push_back(batch[0].entry);
        ++counts[found];
    }
    ASSERT_EQ(counts.size(), 24u);
    for (const auto& [found, count] : counts) {
        EXPECT_GT(count, 60);
        EXPECT_LT(count, 140);
    }
}

TEST(DataOrder, WrongNumbersAreNamed) {
    expect_invalid([] { DataOrder({}, 1, 0); }, {"no clips"});
    expect_invalid([] { DataOrder({{1, 0}}, 0, 0); }, {"batch_size 0"});
    expect_invalid([] { DataOrder({{0, 0}}, 1, 0); }, {"num_repeats 0"});
    expect_invalid([] { DataOrder({{kMostPicks, 0}, {1, 0}}, 1, 0); }, {"num_repeats", "more than"});
    DataOrder order({{1, 0}}, INT64_MAX, 0);
    EXPECT_EQ(order.batches(), 1);
    EXPECT_EQ(order.at(1'000'000).at(0), (Pick{0, 1'000'000}));
    EXPECT_THROW(order.at(-1), Error);
}

}  // namespace
}  // namespace t3video::training
