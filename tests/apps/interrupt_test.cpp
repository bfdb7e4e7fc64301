// The first signal is a wish, the second ends the program; threads that compute get none.
#include "apps/common/interrupt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace t3video::apps {
namespace {

class Signals : public ::testing::TestWithParam<int> {};

void send(int signal) {
    kill(getpid(), signal);
    for (int i = 0; i < 1000 && interrupt_signal() == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

TEST_P(Signals, TheFirstIsRemembered) {
    const auto once = [] {
        watch_interrupts();
        const UnsavedWork work;
        send(GetParam());
        std::_Exit(interrupt_signal() == GetParam() ? 3 : 4);
    };
    EXPECT_EXIT(once(), ::testing::ExitedWithCode(3), "Stopping at the next safe point; once more ends at once");
}

TEST_P(Signals, TheFirstEndsTheProgramWhereThereIsNothingToKeep) {
    const auto before = [] {
        watch_interrupts();
        send(GetParam());
        std::_Exit(3);
    };
    EXPECT_EXIT(before(), ::testing::ExitedWithCode(128 + GetParam()), "stopped before anything was made");
    const auto between = [] {
        watch_interrupts();
        { const UnsavedWork work; }
        send(GetParam());
        std::_Exit(3);
    };
    EXPECT_EXIT(between(), ::testing::ExitedWithCode(128 + GetParam()), "stopped; what was finished stays");
}

TEST_P(Signals, TheSecondEndsTheProgram) {
    const auto twice = [] {
        if (GetParam() != SIGHUP) std::signal(GetParam(), SIG_IGN);  // as shells do for what runs in the background
        watch_interrupts();
        watch_interrupts();
        const UnsavedWork work;
        send(SIGINT);
        kill(getpid(), GetParam());
        std::this_thread::sleep_for(std::chrono::seconds(5));
        std::_Exit(3);
    };
    EXPECT_EXIT(twice(), ::testing::KilledBySignal(GetParam()), "once more ends at once");
}

TEST_P(Signals, AreKeptFromThreads) {
    const auto look = [] {
        watch_interrupts();
        bool blocked = false;
        std::thread([&] {
            sigset_t signals;
            pthread_sigmask(SIG_BLOCK, nullptr, &signals);
            blocked = sigismember(&signals, GetParam()) == 1;
        }).join();
        struct sigaction action {};
        sigaction(GetParam(), nullptr, &action);
        std::_Exit(blocked && action.sa_handler == SIG_DFL ? 3 : 4);
    };
    EXPECT_EXIT(look(), ::testing::ExitedWithCode(3), "");
}

INSTANTIATE_TEST_SUITE_P(Interrupt, Signals, ::testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST(Interrupt, AHangupThatWasIgnoredStaysIgnored) {
    const auto hang_up = [] {
        std::signal(SIGHUP, SIG_IGN);  // as nohup does
        watch_interrupts();
        const UnsavedWork work;
        raise(SIGHUP);
        kill(getpid(), SIGHUP);
        send(SIGTERM);
        std::_Exit(interrupt_signal() == SIGTERM ? 3 : 4);
    };
    EXPECT_EXIT(hang_up(), ::testing::ExitedWithCode(3), "");
}

TEST(Interrupt, AsksToStop) {
    const auto asked = [] {
        watch_interrupts();
        const UnsavedWork work;
        const bool before = interrupts().stop_requested();
        send(SIGINT);
        for (int i = 0; i < 1000 && !interrupts().stop_requested(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        std::_Exit(!before && interrupts().stop_requested() ? 3 : 4);
    };
    EXPECT_EXIT(asked(), ::testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace t3video::apps
