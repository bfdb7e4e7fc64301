// The first signal is a wish, the second ends the program.
#include "core/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

namespace t3video {
namespace {

class Signals : public ::testing::TestWithParam<int> {};

TEST_P(Signals, TheFirstIsRemembered) {
    const auto once = [] {
        watch_interrupts();
        std::raise(GetParam());
        std::_Exit(interrupt_signal() == GetParam() ? 3 : 4);
    };
    EXPECT_EXIT(once(), ::testing::ExitedWithCode(3), "Stopping at the next safe point; once more ends at once");
}

TEST_P(Signals, TheSecondEndsTheProgram) {
    const auto twice = [] {
        watch_interrupts();
        std::raise(SIGINT);
        std::raise(GetParam());
        std::_Exit(3);
    };
    EXPECT_EXIT(twice(), ::testing::KilledBySignal(GetParam()), "once more ends at once");
}

INSTANTIATE_TEST_SUITE_P(Interrupt, Signals, ::testing::Values(SIGINT, SIGTERM));

}  // namespace
}  // namespace t3video
