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

void expect_changed(const fs::path& file) {
    try {
        require_unchanged_files();
        ADD_FAILURE() << "not found";
    } catch (const InvalidRequest& error) {
        EXPECT_NE(std::string(error.what()).find(file.string() + ": was changed"), std::string::npos) << error.what();
    }
}

TEST(MappedFile, ThatIsWrittenOverIsFound) {
    const TemporaryFolder folder;
    const fs::path file = write_file(folder / "a", std::string(kBytes, 'a'));
    fs::last_write_time(file, fs::last_write_time(file) - std::chrono::seconds(10));
    {
        const MappedFile mapped(file), other(write_file(folder / "b", "b"));
        require_unchanged_files();
        std::fstream(file, std::ios::in | std::ios::out) << "b";
        expect_changed(file);
        EXPECT_THROW(mapped.require_unchanged(), InvalidRequest);
        other.require_unchanged();
    }
    require_unchanged_files();
}

TEST(MappedFile, ThatIsCutShortIsFound) {
    const TemporaryFolder folder;
    const fs::path file = write_file(folder / "a", std::string(kBytes, 'a'));
    const MappedFile mapped(file);
    const auto time = fs::last_write_time(file);
    fs::resize_file(file, 10);
    fs::last_write_time(file, time);
    expect_changed(file);
}

TEST(MappedFile, ThatIsReplacedOrRemovedStays) {
    const TemporaryFolder folder;
    const fs::path file = write_file(folder / "a", std::string(kBytes, 'a'));
    const MappedFile mapped(file);
    fs::rename(write_file(folder / "b", "b"), file);
    require_unchanged_files();
    fs::remove(file);
    require_unchanged_files();
    EXPECT_EQ(mapped.bytes().back(), std::byte{'a'});
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
