// What stays and what goes.
#include "core/bounded_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace t3video {
namespace {

TEST(BoundedCache, ForgetsWhatWasUsedLongestAgo) {
    BoundedCache<int, std::string, 3> cache;
    int made = 0, dropped = 0;
    const auto get = [&](int key) {
        return cache.get(
            key,
            [&] {
                ++made;
                return std::to_string(key);
            },
            [&] { ++dropped; });
    };
    for (const int key : {1, 2, 3}) EXPECT_EQ(get(key), std::to_string(key));
    EXPECT_EQ(get(1), "1");
    EXPECT_EQ(made, 3);
    get(4);  // for which 2 goes
    EXPECT_EQ(dropped, 1);
    for (const int key : {1, 3, 4}) get(key);
    EXPECT_EQ(made, 4);
    get(2);
    EXPECT_EQ(made, 5);
    for (int key = 0; key < 1000; ++key) get(key);
    EXPECT_EQ(cache.size(), 3u);
}

TEST(BoundedCache, KeepsNothingOfWhatCannotBeMade) {
    BoundedCache<int, int, 2> cache;
    EXPECT_THROW(cache.get(1, []() -> int { throw 7; }), int);
    EXPECT_EQ(cache.get(1, [] { return 5; }), 5);
}

}  // namespace
}  // namespace t3video
