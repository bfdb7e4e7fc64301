// Reading the kernel's account of memory.
#include "core/memory.h"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

namespace t3video {
namespace {

TEST(AvailableMemory, IsReadFromItsLine) {
    std::istringstream meminfo(
        "MemTotal:       24689644 kB\nMemFree:        20000000 kB\nMemAvailable:   21000001 kB\n");
    EXPECT_EQ(available_memory(meminfo), int64_t{21000001} * 1024);
}

TEST(AvailableMemory, WithoutTheLineThereIsNoLimit) {
    std::istringstream meminfo("MemTotal:       24689644 kB\n");
    EXPECT_EQ(available_memory(meminfo), std::numeric_limits<int64_t>::max());
}

TEST(AvailableMemory, ThisMachineHasSome) {
    EXPECT_GT(available_memory(), 1 << 20);
    EXPECT_LT(available_memory(), int64_t{1} << 50);
}

}  // namespace
}  // namespace t3video
