// The current device of a thread, and streams and events of it, freed with their last owner.
#pragma once

#include <memory>

#include "cuda/check.h"

namespace t3video::cuda {

// This thread's calls go to that GPU from now on. Set also where it is the current one already: this call is what gives
// a new thread the driver's context, whose lack cudaGetDevice does not show.
inline void set_device(int ordinal, std::source_location where = std::source_location::current()) {
    check(cudaSetDevice(ordinal), where);
}

inline std::shared_ptr<CUstream_st> make_stream() {
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    return {stream, [](cudaStream_t s) { cudaStreamDestroy(s); }};
}

inline std::shared_ptr<CUevent_st> make_event(unsigned flags = cudaEventDisableTiming) {
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, flags));
    return {event, [](cudaEvent_t e) { cudaEventDestroy(e); }};
}

}  // namespace t3video::cuda
