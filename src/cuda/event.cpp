// CUDA events.
#include "cuda/event.h"

#include "cuda/state.h"

namespace t3video::cuda {

std::shared_ptr<void> record_event(Context& ctx) {
    const State& s = state(ctx);
    set_device(s.traits.id.ordinal);
    const auto event = make_event(cudaEventDefault);
    check(cudaEventRecord(event.get(), s.stream));
    return event;
}

double seconds_since(Context& ctx, const std::shared_ptr<void>& event) {
    const auto end = record_event(ctx);
    check(cudaEventSynchronize(static_cast<cudaEvent_t>(end.get())));
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, static_cast<cudaEvent_t>(event.get()),
                               static_cast<cudaEvent_t>(end.get())));
    return double(milliseconds) / 1e3;
}

}  // namespace t3video::cuda
