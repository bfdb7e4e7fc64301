// Sizes in words: what is needed is never below, what is there never above.
#include "core/readable_bytes.h"

#include <gtest/gtest.h>

#include <limits>

namespace t3video {
namespace {

constexpr int64_t kKiB = 1 << 10, kMiB = kKiB << 10, kGiB = kMiB << 10;

TEST(ReadableBytes, AreRoundedUpForWhatIsNeeded) {
    EXPECT_EQ(readable_bytes(-3), "0 bytes");
    EXPECT_EQ(readable_bytes(1), "1 byte");
    EXPECT_EQ(readable_bytes(1023), "1023 bytes");
    EXPECT_EQ(readable_bytes(kKiB + 1), "2 KiB");
    EXPECT_EQ(readable_bytes(250 * kMiB), "250 MiB");
    EXPECT_EQ(readable_bytes(250 * kMiB + 1), "251 MiB");
    EXPECT_EQ(readable_bytes(17 * kGiB), "17.0 GiB");
    EXPECT_EQ(readable_bytes(17 * kGiB + 1), "17.1 GiB");
    EXPECT_EQ(readable_bytes(18 * kGiB - 1), "18.0 GiB");
}

TEST(ReadableBytes, AreRoundedDownForWhatIsThere) {
    EXPECT_EQ(readable_bytes(1023, Rounded::down), "1023 bytes");
    EXPECT_EQ(readable_bytes(2 * kKiB - 1, Rounded::down), "1 KiB");
    EXPECT_EQ(readable_bytes(kGiB - 1, Rounded::down), "1023 MiB");
    EXPECT_EQ(readable_bytes(18 * kGiB - 1, Rounded::down), "17.9 GiB");
    EXPECT_EQ(readable_bytes(std::numeric_limits<int64_t>::max(), Rounded::down), "8589934591.9 GiB");
}

}  // namespace
}  // namespace t3video
