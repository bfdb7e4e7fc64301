// Ctrl-C, SIGTERM and a closed terminal as a wish to stop, which long work looks at where it can stop without loss.
#pragma once

#include <stop_token>

namespace t3video::apps {

// From here on the first SIGINT, SIGTERM or SIGHUP sent to the process is remembered, with a line on standard error,
// while there is UnsavedWork, and else ends the program at once, with another line and the exit code that shells give.
// The second ends it in any case, as if nobody watched. A SIGHUP that was ignored (nohup) stays ignored. To be called
// before threads start, which are not to get these signals.
void watch_interrupts();

// While one lives, a wish to stop waits for the work to come to a safe point: there is something to save.
class UnsavedWork {
  public:
    UnsavedWork();
    ~UnsavedWork();
    UnsavedWork(const UnsavedWork&) = delete;
    UnsavedWork& operator=(const UnsavedWork&) = delete;
};

// Asked to stop when a signal is remembered.
std::stop_token interrupts();
// The signal that came, or 0.
int interrupt_signal();

}  // namespace t3video::apps
