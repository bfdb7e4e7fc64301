// Starts the program again with OpenMP's settings.
#include "apps/cli/wait_policy.h"

#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace t3video::apps {
namespace {

// GNU's library, which oneDNN brings, and LLVM's, of builds with clang.
constexpr const char* kChoices[] = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY"};

// Of 1000 to 100000 turns, this few cost nothing on an idle machine, and left most to others on a busy one
// (bench/cpu/beside_a_busy_process.sh).
constexpr const char *kSpins = "1000", *kMilliseconds = "0";

}  // namespace

void wait_without_spinning(char** argv) {
    if (std::ranges::any_of(kChoices, [](const char* name) { return std::getenv(name) != nullptr; })) return;
    // Without an interpreter in the kernel's eyes, the program was started by naming the loader: that is what would
    // start.
    if (getauxval(AT_BASE) == 0) return;
    // By its path, which gives the process its name; where the file is gone, the path says so and exec fails.
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) return;
    setenv("GOMP_SPINCOUNT", kSpins, 1);
    setenv("KMP_BLOCKTIME", kMilliseconds, 1);
    execv(program.c_str(), argv);
}

}  // namespace t3video::apps
