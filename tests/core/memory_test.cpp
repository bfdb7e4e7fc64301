// What the process may take, from the kernel's files in a made-up tree: containers have them in many shapes.
#include "core/memory.h"

#include <gtest/gtest.h>

#include "core/parallel.h"
#include "support/files.h"

namespace t3video {
namespace {

using testing::TemporaryFolder;
using testing::write_file;

constexpr int64_t kMiB = 1 << 20;
constexpr const char* kUnified = "30 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";
constexpr const char* kOld = "35 31 0:32 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n";

// A machine with 8000 MiB, and groups on it.
struct Machine {
    TemporaryFolder root;

    explicit Machine(const std::string& group = "", const std::string& mounts = "") {
        write("proc/meminfo", "MemTotal: 9000000 kB\nMemAvailable:   8192000 kB\n");
        if (!group.empty()) write("proc/self/cgroup", group);
        if (!mounts.empty()) write("proc/self/mountinfo", mounts);
    }
    void write(const std::string& file, const std::string& text) const { write_file(root / file, text); }
    void unified(const std::string& folder, const std::string& limit, int64_t used, int64_t cached = 0) const {
        write(folder + "/memory.max", limit + "\n");
        write(folder + "/memory.current", std::to_string(used * kMiB) + "\n");
        write(folder + "/memory.stat", "anon 1\ninactive_file " + std::to_string(cached * kMiB) + "\nactive_file 0\n");
    }
    void old(const std::string& folder, int64_t limit, int64_t used, int64_t cached = 0) const {
        write(folder + "/memory.limit_in_bytes", std::to_string(limit) + "\n");
        write(folder + "/memory.usage_in_bytes", std::to_string(used * kMiB) + "\n");
        write(folder + "/memory.stat",
              "inactive_file 1\ntotal_inactive_file 0\ntotal_active_file " + std::to_string(cached * kMiB) + "\n");
    }
    MemoryLimit limit() const { return memory_limit(root.path()); }
    int64_t mebibytes() const { return limit().bytes / kMiB; }
};

TEST(MemoryLimit, IsWhatTheMachineHasAvailable) {
    EXPECT_EQ(Machine().limit().bytes, 8000 * kMiB);
    EXPECT_EQ(Machine().limit().reason, "");
    const TemporaryFolder nothing;
    EXPECT_EQ(memory_limit(nothing.path()).bytes, std::numeric_limits<int64_t>::max());
}

TEST(MemoryLimit, OfAGroupIsLessWhatItUsesButForCachedFiles) {
    const Machine machine("0::/user/one\n", kUnified);
    machine.unified("sys/fs/cgroup/user/one", std::to_string(300 * kMiB), 200, 50);
    EXPECT_EQ(machine.mebibytes(), 150);
    EXPECT_EQ(machine.limit().reason, "what the memory cgroup's limit of 300 MiB leaves");
}

TEST(MemoryLimit, OfGroupsAboveCountsToo) {
    const Machine machine("0::/user/one\n", kUnified);
    machine.unified("sys/fs/cgroup/user/one", "max", 10);
    machine.unified("sys/fs/cgroup/user", std::to_string(400 * kMiB), 100);
    EXPECT_EQ(machine.mebibytes(), 300);
    machine.unified("sys/fs/cgroup", std::to_string(500 * kMiB), 400);
    EXPECT_EQ(machine.mebibytes(), 100);
}

TEST(MemoryLimit, OfVersionOne) {
    const Machine machine("5:cpu,cpuacct:/elsewhere\n4:memory:/user/one\n0::/\n",
                          std::string(kOld) + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    machine.old("sys/fs/cgroup/memory", 9223372036854771712, 5000);
    machine.old("sys/fs/cgroup/memory/user", 1000 * kMiB, 900, 100);
    machine.old("sys/fs/cgroup/memory/user/one", 9223372036854771712, 50);
    EXPECT_EQ(machine.mebibytes(), 200);
    machine.old("sys/fs/cgroup/memory/user/one", 300 * kMiB, 250, 10);
    EXPECT_EQ(machine.mebibytes(), 60);
}

TEST(MemoryLimit, InAContainerThePathBeginsAtTheMount) {
    const Machine docker("4:memory:/docker/4f\n",
                         "35 31 0:32 /docker/4f /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
    docker.old("sys/fs/cgroup/memory", 300 * kMiB, 100);
    EXPECT_EQ(docker.mebibytes(), 200);
    // A group that is outside of what can be seen: the mount is the nearest.
    const Machine outside("0::/../other\n", "30 23 0:28 /mine /with\\040blank rw - cgroup2 cgroup2 rw\n");
    outside.unified("with blank", std::to_string(300 * kMiB), 50);
    EXPECT_EQ(outside.mebibytes(), 250);
}

TEST(MemoryLimit, IsNeverNegative) {
    const Machine machine("0::/\n", kUnified);
    machine.unified("sys/fs/cgroup", std::to_string(300 * kMiB), 400);
    EXPECT_EQ(machine.limit().bytes, 0);
}

TEST(MemoryLimit, OfAddressSpaceAndDataLeavesRoomForStacks) {
    const Machine machine;
    const auto limits = [&](const std::string& space, const std::string& data) {
        machine.write("proc/self/limits",
                      "Limit                     Soft Limit           Hard Limit           Units     \n"
                      "Max data size             " +
                          data +
                          "            unlimited            bytes     \n"
                          "Max address space         " +
                          space + "            unlimited            bytes     \n");
        return machine.limit();
    };
    machine.write("proc/self/status",
                  "Name:\tt3video\nVmPeak:\t  409600 kB\nVmSize:\t  204800 kB\nVmData:\t  51200 kB\n");
    EXPECT_EQ(limits("unlimited", "unlimited").bytes, 8000 * kMiB);
    const MemoryLimit space = limits(std::to_string(4000 * kMiB), "unlimited");
    EXPECT_LT(space.bytes, 3800 * kMiB);
    EXPECT_GT(space.bytes, 2000 * kMiB);
    EXPECT_EQ(space.reason, "what the limit of address space (ulimit -v) of 4000 MiB leaves");
    EXPECT_EQ(limits("unlimited", std::to_string(4000 * kMiB)).bytes - space.bytes, 150 * kMiB);
    EXPECT_EQ(limits("104857600", "unlimited").bytes, 0);
}

TEST(MemoryLimit, ThisMachineHasSome) {
    EXPECT_GT(available_memory(), 1 << 20);
    EXPECT_LT(available_memory(), int64_t{1} << 50);
}

TEST(Threads, AreAsManyAsGroupsGrantProcessors) {
    const int cores = available_threads("/nowhere");
    EXPECT_GE(cores, 1);
    const auto with = [&](const std::string& quota) {
        const Machine machine("0::/a/b\n", kUnified);
        machine.write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
        machine.write("sys/fs/cgroup/a/cpu.max", quota + "\n");
        return available_threads(machine.root.path());
    };
    EXPECT_EQ(with("max 100000"), cores);
    EXPECT_EQ(with("50000 100000"), 1);
    EXPECT_EQ(with("100000 100000"), 1);
    EXPECT_EQ(with("100001 100000"), std::min(cores, 2));
    EXPECT_EQ(with("99900000 100000"), cores);
    const auto in_version_one = [&](const std::string& quota) {
        const Machine machine("2:cpu,cpuacct:/a\n",
                              "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
        machine.write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", quota);
        machine.write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "50000");
        return available_threads(machine.root.path());
    };
    EXPECT_EQ(in_version_one("-1"), cores);
    EXPECT_EQ(in_version_one("25000"), 1);
    EXPECT_EQ(in_version_one("75000"), std::min(cores, 2));
}

}  // namespace
}  // namespace t3video
