// A thread that waits for signals, and what it saw: one of the few things that only exist once per process.
#include "apps/common/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <string_view>
#include <thread>

namespace t3video::apps {
namespace {

std::atomic<int> came{0};
// Never destroyed: the thread that waits outlives main().
std::stop_source& wish() {
    static auto* const source = new std::stop_source;
    return *source;
}
std::mutex deciding;  // what the first signal means
int works = 0;        // that want to be kept
bool worked = false;  // whether there was one

int next_signal(const sigset_t& signals) {
    int signal = 0;
    while (sigwait(&signals, &signal) != 0) {
    }
    return signal;
}

void say(std::string_view line) {
    [[maybe_unused]] const auto written = write(STDERR_FILENO, line.data(), line.size());
}

void wait_for(const sigset_t& signals) {
    const int first = next_signal(signals);
    {
        const std::lock_guard lock(deciding);
        if (works == 0) {
            say(worked ? "t3video: stopped; what was finished stays\n" : "t3video: stopped before anything was made\n");
            _exit(128 + first);
        }
        // Whoever sees the wish may end the program: the line comes first.
        say("\nStopping at the next safe point; once more ends at once.\n");
        came = first;
        wish().request_stop();
    }
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
        struct sigaction hangup {};
        sigaction(SIGHUP, nullptr, &hangup);
        if (hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // here, and in all threads that follow
        std::thread(wait_for, signals).detach();
    });
}

UnsavedWork::UnsavedWork() {
    const std::lock_guard lock(deciding);
    ++works;
    worked = true;
}

UnsavedWork::~UnsavedWork() {
    const std::lock_guard lock(deciding);
    --works;
}

int interrupt_signal() {
    return came;
}

std::stop_token interrupts() {
    return wish().get_token();
}

}  // namespace t3video::apps
