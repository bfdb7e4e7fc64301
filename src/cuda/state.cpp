// Makes and frees the handles.
#include "cuda/state.h"

namespace t3video::cuda {

State::State(DeviceTraits of) : traits(std::move(of)) {
    set_device(traits.id.ordinal);
    stream_owner = make_stream();
    stream = stream_owner.get();
    check(cublasLtCreate(&blas));
}

State::~State() {
    cudaSetDevice(traits.id.ordinal);
    cudaStreamSynchronize(stream);
    caches.clear();
    cublasLtDestroy(blas);
}

State& state(Context& ctx) {
    return static_cast<State&>(ctx.backend_state(
        []() -> std::shared_ptr<BackendState> { throw Error("the CUDA backend's state is made with its context"); }));
}

}  // namespace t3video::cuda
