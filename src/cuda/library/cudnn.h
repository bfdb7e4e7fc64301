// cuDNN graphs: built once per problem, kept, run on the context's stream. Only files that include this use cuDNN.
#pragma once

#include <cudnn_frontend.h>

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/bounded_cache.h"
#include "cuda/state.h"

namespace t3video::cuda {

namespace fe = cudnn_frontend;

// The handle and the graphs that were built with it. A graph takes 3 to 5 MB of host memory, of which a third stays
// with the handle when the graph goes: State::trim lets both go together.
struct Cudnn {
    Cudnn();
    ~Cudnn();
    Cudnn(const Cudnn&) = delete;
    Cudnn& operator=(const Cudnn&) = delete;
    cudnnHandle_t handle = nullptr;
    std::map<std::string, std::shared_ptr<void>> graphs;  // by op; each op knows the type of its own
    size_t built = 0;                                     // graphs, with this handle
};

// Throws Error with the library's message and the caller's line.
inline void check(fe::error_t error, std::source_location where = std::source_location::current()) {
    require({error.is_good(), where}, "cuDNN: ", error.get_message());
}

Cudnn& cudnn(State& s);

// Chooses cuDNN's first suggestion for a complete graph: the same one every time, so results repeat. Without matrix
// units f32 is multiplied as f32, not as TF32.
void build(Cudnn& library, fe::graph::Graph& graph, bool matrix_units = true);

// The graph of an op's problem, built by `make` where it is not kept; null where `make` gave null. A film asks for some
// dozens, each of which takes tenths of a second to build. Work under way ends before one goes.
template <class Key, class Make>
fe::graph::Graph* graph_of(State& s, const char* op, const Key& key, Make&& make) {
    using Graphs = BoundedCache<Key, std::unique_ptr<fe::graph::Graph>, 256>;
    Cudnn& library = cudnn(s);
    std::shared_ptr<void>& graphs = library.graphs[op];
    if (!graphs) graphs = std::make_shared<Graphs>();
    const auto build_one = [&] {
        ++library.built;
        return make(library);
    };
    return static_cast<Graphs*>(graphs.get())->get(key, build_one, [&] { cudaStreamSynchronize(s.stream); }).get();
}

// Runs a built graph on tensors by their uid; scratch memory comes from the context.
void execute(Context& ctx, const fe::graph::Graph& graph, std::unordered_map<int64_t, void*> tensors);

}  // namespace t3video::cuda
