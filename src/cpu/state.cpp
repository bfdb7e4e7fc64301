// Makes the CPU state on first use.
#include "cpu/state.h"

namespace t3video::cpu {

State& state(Context& ctx) {
    return static_cast<State&>(ctx.backend_state([] { return std::make_unique<State>(); }));
}

}  // namespace t3video::cpu
