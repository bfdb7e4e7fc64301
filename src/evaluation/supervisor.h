// A process between this program and another one that it runs: it sees to it that nothing of the other is left, also
// when this program is killed.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace t3video::evaluation {

struct Supervised {
    char* const* words;  // looked for on the PATH; a null ends them
    int output, errors;  // ends of pipes that the program writes to
    int told;            // that of the pipe on which the supervisor tells how it ended
};

// What comes over the pipe, whole.
struct ProgramEnd {
    enum class Kind : int32_t { not_started, exited, killed } kind;
    int32_t code;  // errno, exit status, or the signal
};

// Starts the supervisor, which starts the program, in a process group of its own and with an empty standard input.
// When the program has ended, its supervisor tells how, and stays. When it gets SIGTERM, or this thread ends however it
// does, it kills the program, its group and all that they started, in whatever group or session that is now, and ends.
// Minus errno where the system makes no process.
pid_t start_supervisor(const Supervised& program);

}  // namespace t3video::evaluation
