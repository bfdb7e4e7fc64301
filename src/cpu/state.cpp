// Makes the CPU state on first use.
#include "cpu/state.h"

#include <omp.h>

namespace t3video::cpu {

// oneDNN keeps the primitives that were made last, one cache for the whole process: a film asks for some dozens, and
// the 1024 that it keeps by itself take 20 MB once films of many sizes were made.
State::State() {
    constexpr int kKept = 256;
    dnnl::set_primitive_cache_capacity(kKept);
}

State& state(Context& ctx) {
    // oneDNN asks OpenMP, call by call, so contexts with different thread counts can take turns.
    omp_set_num_threads(ctx.threads());
    return static_cast<State&>(ctx.backend_state([] { return std::make_shared<State>(); }));
}

}  // namespace t3video::cpu
