// Makes the CPU state on first use.
#include "cpu/state.h"

#include <omp.h>

namespace t3video::cpu {

State& state(Context& ctx) {
    // oneDNN asks OpenMP, call by call, so contexts with different thread counts can take turns.
    omp_set_num_threads(ctx.threads());
    return static_cast<State&>(ctx.backend_state([] { return std::make_shared<State>(); }));
}

}  // namespace t3video::cpu
