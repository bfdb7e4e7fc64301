// A weight in the layout in which oneDNN's matrix products read it, so that no product arranges it first.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include "tensor/tensor.h"

namespace t3video::cpu {

class PackedMatrix final : public Encoding {
  public:
    // `values`: f32, laid out as `layout` says, of a matrix [in, out].
    PackedMatrix(dnnl::engine engine, dnnl::memory::desc layout, Tensor values)
        : engine_(std::move(engine)), layout_(std::move(layout)), values_(std::move(values)) {}

    const dnnl::memory::desc& layout() const { return layout_; }
    const Tensor& values() const { return values_; }

    std::string name() const override { return "packed f32"; }
    size_t bytes() const override { return values_.bytes(); }
    int64_t group() const override;
    void decode(int64_t first, int64_t count, float* values) const override;

  private:
    dnnl::engine engine_;
    dnnl::memory::desc layout_;
    Tensor values_;
};

// At most, of a packed weight, which is padded to whole blocks: these are the largest.
inline size_t packed_bytes(int64_t out, int64_t in) {
    constexpr int64_t kOut = 64, kIn = 16;
    return static_cast<size_t>((out + kOut - 1) * (in + kIn - 1)) * sizeof(float);
}

// The weight [out, in] as `linear` reads it fastest: packed, or in f32 as it is where oneDNN wants no blocks.
Tensor pack_matrix(Context& ctx, const Tensor& weight);

// The packed matrix behind a tensor; null where it is another.
const PackedMatrix* packed_matrix(const Tensor& weight);

}  // namespace t3video::cpu
