// A stack per thread, made on first use.
#include "core/signal_stack.h"

#include <csignal>
#include <cstddef>
#include <memory>
#include <new>

namespace t3video {
namespace {

class SignalStack {
  public:
    SignalStack() {
        stack_t before{};
        if (sigaltstack(nullptr, &before) != 0 || (before.ss_flags & SS_DISABLE) == 0) return;  // a sanitizer's
        memory_.reset(new (std::nothrow) std::byte[kBytes]);
        if (!memory_) return;
        stack_t stack{};
        stack.ss_sp = memory_.get();
        stack.ss_size = kBytes;
        sigaltstack(&stack, nullptr);
    }
    ~SignalStack() {
        stack_t none{};
        none.ss_flags = SS_DISABLE;
        if (memory_) sigaltstack(&none, nullptr);
    }
    SignalStack(const SignalStack&) = delete;
    SignalStack& operator=(const SignalStack&) = delete;

  private:
    static constexpr size_t kBytes = size_t{64} << 10;  // the kernel saves up to some 11 KiB of registers there
    std::unique_ptr<std::byte[]> memory_;
};

}  // namespace

void use_signal_stack() {
    thread_local SignalStack stack;
}

}  // namespace t3video
