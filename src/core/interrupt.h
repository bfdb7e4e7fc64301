// Ctrl-C and SIGTERM as a wish to stop, which long work looks at where it can stop without loss.
#pragma once

#include <stdexcept>
#include <string>

namespace t3video {

// From here on the first SIGINT or SIGTERM sent to the process is remembered, with a line on standard error, and the
// second ends the program at once, as if nobody watched. Programs call it before they start threads, which are not to
// get these signals; libraries only ask.
void watch_interrupts();

// The signal that came, or 0.
int interrupt_signal();
// As if `signal` had come; 0 forgets it.
void set_interrupt_signal(int signal);

// Work that was stopped on the user's wish; the message says how far it came and how to go on.
class Interrupted : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace t3video
