// Speaks to a user of the command line, and to the program it is part of, on purpose.
#include "core/log.h"

void words() {
    log_warning("--codec vp9: no such codec");
    const char* remedy = "finish it first: t3video resume film.job";
}
