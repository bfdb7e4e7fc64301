// Files that change while they are mapped.
#include "checkpoint/mapped_file.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "core/parallel.h"
#include "support/files.h"

namespace t3video::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;
using testing::write_file;

constexpr size_t kBytes = size_t{64} << 10;

void expect_changed(const WatchedFile& file, const fs::path& path) {
    EXPECT_FALSE(file.is_current());
    try {
        file.require_unchanged();
        ADD_FAILURE() << "not found";
    } catch (const InvalidRequest& error) {
        EXPECT_NE(std::string(error.what()).find(path.string() + ": was changed"), std::string::npos) << error.what();
    }
}

TEST(WatchedFile, ThatIsWrittenOverIsFound) {
    const TemporaryFolder folder;
    const fs::path file = write_file(folder / "a", std::string(kBytes, 'a'));
    fs::last_write_time(file, fs::last_write_time(file) - std::chrono::seconds(10));
    const WatchedFile watched(file), other(write_file(folder / "b", "b"));
    EXPECT_TRUE(watched.is_current());
    watched.require_unchanged();
    std::fstream(file, std::ios::in | std::ios::out) << "b";
    expect_changed(watched, file);
    EXPECT_TRUE(other.is_current());
    other.require_unchanged();
    EXPECT_TRUE(WatchedFile(file).is_current());
}

TEST(WatchedFile, ThatIsCutShortIsFound) {
    const TemporaryFolder folder;
    const fs::path file = write_file(folder / "a", std::string(kBytes, 'a'));
    const WatchedFile watched(file);
    const auto time = fs::last_write_time(file);
    fs::resize_file(file, 10);
    fs::last_write_time(file, time);
    expect_changed(watched, file);
}

TEST(WatchedFile, ThatIsReplacedOrRemovedIsUnchangedAndNotCurrent) {
    const TemporaryFolder folder;
    const fs::path file = write_file(folder / "a", std::string(kBytes, 'a'));
    const MappedFile mapped(file);
    const WatchedFile watched(file);
    fs::rename(write_file(folder / "b", std::string(kBytes, 'b')), file);
    watched.require_unchanged();
    EXPECT_FALSE(watched.is_current());
    fs::remove(file);
    watched.require_unchanged();
    EXPECT_FALSE(watched.is_current());
    EXPECT_EQ(mapped.bytes().back(), std::byte{'a'});
    EXPECT_THROW(WatchedFile{file}, InvalidRequest);
}

TEST(MappedFile, WhosePagesAreGoneEndsTheProgramWithALine) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");  // a fork has no threads
    for (const int threads : {1, 2}) {
        const auto read = [threads] {
            explain_lost_pages();
            const TemporaryFolder folder;
            const fs::path file = write_file(folder / "weights", std::string(kBytes, 'a'));
            const MappedFile other(write_file(folder / "b", "b")), mapped(file);
            fs::resize_file(file, 10);
            std::atomic<int> sum = 0;
            parallel_for(threads, 0, 8, 1, [&](int64_t, int64_t) { sum += int(mapped.bytes().back()); });
            std::_Exit(sum == 0 ? 3 : 4);
        };
        EXPECT_EXIT(read(), ::testing::ExitedWithCode(1), "^t3video: .*/weights: was cut short");
    }
}

// Kernels may use the stack pointer for something else: the handler must not need it.
TEST(MappedFile, ThreadsThatComputeHaveAStackForTheHandler) {
    std::atomic<int> without = 0;
    parallel_for(4, 0, 64, 1, [&](int64_t, int64_t) {
        stack_t stack{};
        sigaltstack(nullptr, &stack);
        if ((stack.ss_flags & SS_DISABLE) != 0) ++without;
    });
    EXPECT_EQ(without, 0);
}

TEST(MappedFile, OtherBadAddressesEndTheProgramAsBefore) {
    const auto fault = [] {
        explain_lost_pages();
        raise(SIGBUS);
        raise(SIGBUS);
    };
    EXPECT_EXIT(fault(), ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace t3video::checkpoint
