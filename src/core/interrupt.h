// Ctrl-C, SIGTERM and a closed terminal as a wish to stop, which long work looks at where it can stop without loss.
#pragma once

#include <stdexcept>
#include <string>

namespace t3video {

// From here on the first SIGINT, SIGTERM or SIGHUP sent to the process is remembered, with a line on standard error,
// while there is WorkToKeep, and else ends the program at once, with another line and the exit code that shells give.
// The second ends it in any case, as if nobody watched. A SIGHUP that was ignored (nohup) stays ignored. Programs call
// it before they start threads, which are not to get these signals; libraries only ask.
void watch_interrupts();

// While one lives, a wish to stop waits for the work to come to a safe point: there is something to save.
class WorkToKeep {
  public:
    WorkToKeep();
    ~WorkToKeep();
    WorkToKeep(const WorkToKeep&) = delete;
    WorkToKeep& operator=(const WorkToKeep&) = delete;
};

// The signal that came, or 0.
int interrupt_signal();
// As if `signal` had come; 0 forgets it.
void set_interrupt_signal(int signal);

// Work that was stopped on the user's wish; the message says how far it came and how to go on.
class Interrupted : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// For loops that may take long and leave nothing behind, such as reading, planning and measuring: throws Interrupted
// with `message` when a signal was remembered. Costs no more than a look at a variable; from the thread that began the
// work, or from a body of parallel_for.
void stop_if_interrupted(const char* message = "stopped before anything was made");

}  // namespace t3video
