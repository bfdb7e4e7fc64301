// Makes and frees the handles.
#include "cuda/state.h"

namespace t3video::cuda {

State::State() {
    int device = 0;
    check(cudaGetDevice(&device));
    check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device));
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    stream_owner.reset(stream, [](cudaStream_t s) { cudaStreamDestroy(s); });
    check(cublasLtCreate(&blas));
}

State::~State() {
    cudaStreamSynchronize(stream);
    caches.clear();
    cublasLtDestroy(blas);
}

State& state(Context& ctx) {
    return static_cast<State&>(ctx.backend_state(
        []() -> std::shared_ptr<BackendState> { throw Error("the CUDA backend's state is made with its context"); }));
}

}  // namespace t3video::cuda
