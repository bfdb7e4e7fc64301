// A signal handler and its flag: one of the few things that only exist once per process.
#include "core/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string_view>

namespace t3video {
namespace {

std::atomic<int> came{0};
static_assert(std::atomic<int>::is_always_lock_free, "set from a signal handler");

void remember(int signal) {
    came = signal;
    constexpr std::string_view kLine = "\nStopping at the next safe point; once more ends at once.\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, kLine.data(), kLine.size());
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

void watch_interrupts() {
    struct sigaction action {};
    action.sa_handler = remember;
    action.sa_flags = SA_RESTART;  // reading and writing files goes on
    sigemptyset(&action.sa_mask);
    for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

int interrupt_signal() {
    return came;
}

void set_interrupt_signal(int signal) {
    came = signal;
}

}  // namespace t3video
