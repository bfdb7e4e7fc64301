// The CPU backend's part of a Context: oneDNN's engine and stream, and what its ops keep between calls.
#pragma once

#include <map>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>

#include "tensor/context.h"

namespace t3video::cpu {

struct State final : BackendState {
    State();

    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    std::map<std::string, std::shared_ptr<void>> caches;  // by op; each op knows the type of its own
};

State& state(Context& ctx);

}  // namespace t3video::cpu
