// A thread that waits for signals, and what it saw: one of the few things that only exist once per process.
#include "core/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <string_view>
#include <thread>

namespace t3video {
namespace {

std::atomic<int> came{0};

int next_signal(const sigset_t& signals) {
    int signal = 0;
    while (sigwait(&signals, &signal) != 0) {
    }
    return signal;
}

void wait_for(const sigset_t& signals) {
    came = next_signal(signals);
    constexpr std::string_view kLine = "\nStopping at the next safe point; once more ends at once.\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, kLine.data(), kLine.size());
    const int second = next_signal(signals);
    std::signal(second, SIG_DFL);  // a shell may have had it ignored
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    raise(second);
}

}  // namespace

// No handler: it would run on the stack of a thread that computes, and kernels that oneDNN generates use the stack
// pointer as a register that may point into their operands.
void watch_interrupts() {
    static std::once_flag watching;
    std::call_once(watching, [] {
        sigset_t signals;
        sigemptyset(&signals);
        for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
        pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // here, and in all threads that follow
        std::thread(wait_for, signals).detach();
    });
}

int interrupt_signal() {
    return came;
}

void set_interrupt_signal(int signal) {
    came = signal;
}

}  // namespace t3video
