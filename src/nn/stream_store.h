// The residual stream in front of each block of a model, kept from the forward pass for the backward, which computes
// the rest of a block again from it. At 4K it is the largest thing that training keeps.
#pragma once

#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace t3video::nn {

enum class StreamPlace {
    device,  // where the context computes
    host,    // in pinned host memory: copied there and back beside the work
};

class StreamStore {
  public:
    StreamStore(DType dtype, StreamPlace place) : dtype_(dtype), place_(place) {}

    // x, f32, the i-th since begin(), takes the values that it has in the store's type: what follows in the forward
    // pass computes with what the backward will see.
    void keep(Context& ctx, Tensor& x);
    // The last one that is kept, f32 or of the compute type, once.
    Tensor take(Context& ctx);
    size_t count() const { return count_; }

    DType dtype() const { return dtype_; }
    // Forgets what is kept.
    void clear();

  private:
    // On its way to host memory, or back.
    struct Copy {
        Tensor on_device;
        std::shared_ptr<void> under_way;  // waited for when it goes, which is before the tensor does
    };
    Copy fetch(Context& ctx, size_t i);

    DType dtype_;
    StreamPlace place_;
    size_t count_ = 0;
    Shape shape_;
    std::vector<Tensor> kept_;                       // on the device
    std::vector<std::shared_ptr<Storage>> waiting_;  // in host memory, kept from one step to the next
    Copy previous_, next_;
};

}  // namespace t3video::nn
