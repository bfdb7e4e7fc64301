// Stacks for handlers of signals.
#pragma once

namespace t3video {

// Gives the calling thread a stack for handlers (sigaltstack), once, until it ends; a stack that it has stays, and
// where there is no memory it gets none. Kernels that oneDNN generates use the stack pointer as a register that may
// point into their operands: a handler on a thread's own stack would write there, or where nothing can be written.
void use_signal_stack();

}  // namespace t3video
