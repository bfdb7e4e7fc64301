// The handle, and running graphs.
#include "cuda/library/cudnn.h"

namespace t3video::cuda {

Cudnn::Cudnn() {
    require(cudnnCreate(&handle) == CUDNN_STATUS_SUCCESS, "cuDNN: could not start");
}

Cudnn::~Cudnn() {
    graphs.clear();
    cudnnDestroy(handle);
}

Cudnn& cudnn(State& s) {
    auto& library = s.cache<Cudnn>("cudnn");
    require(cudnnSetStream(library.handle, s.stream) == CUDNN_STATUS_SUCCESS, "cuDNN: could not set the stream");
    return library;
}

void State::trim() {
    constexpr size_t kGraphs = 80;  // more than the largest stage of a film asks for
    const auto library = caches.find("cudnn");
    if (library == caches.end() || static_cast<const Cudnn*>(library->second.get())->built < kGraphs) return;
    cudaStreamSynchronize(stream);
    caches.erase(library);
}

void build(Cudnn& library, fe::graph::Graph& graph, bool matrix_units) {
    check(graph.validate());
    check(graph.build_operation_graph(library.handle));
    check(graph.create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK}));
    if (!matrix_units) graph.deselect_numeric_notes({fe::NumericalNote_t::TENSOR_CORE});
    check(graph.check_support());
    check(graph.build_plans());
}

void execute(Context& ctx, const fe::graph::Graph& graph, std::unordered_map<int64_t, void*> tensors) {
    int64_t bytes = 0;
    check(graph.get_workspace_size(bytes));
    const auto scratch = ctx.allocator().allocate(static_cast<size_t>(bytes));
    check(graph.execute(cudnn(state(ctx)).handle, tensors, scratch->data()));
}

}  // namespace t3video::cuda
