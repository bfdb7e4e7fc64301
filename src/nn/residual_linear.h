// A linear map whose results a residual step adds to the stream: x += gate * (h W^T + b), and the norm of the sums.
#pragma once

#include "nn/linear.h"

namespace t3video::nn {

// Refers to the map and its gate, [S, out] f32 or null. Where the device adds products to rows as it computes them, the
// gate becomes part of the weight, once for all slices of the rows; else the product and the step come one after the
// other. The two differ by rounding: of h W^T + b, or of the weight times the gate.
class ResidualLinear {
  public:
    // `rows` that it is for, in all.
    ResidualLinear(Context& ctx, const Linear& map, const Tensor* gate, int64_t rows);

    // x: rows as ops::Rows has them; h: [n, in], used up.
    void add(Context& ctx, ops::Rows& x, Tensor h, const ops::TokenSets& sets) const;
    // The same, and the norms as ops::add_layer_norm and ops::add_norm_modulate have them.
    Tensor add_layer_norm(Context& ctx, ops::Rows& x, Tensor h, const Tensor& weight, const Tensor& bias,
                          const ops::TokenSets& sets, float eps) const;
    Tensor add_norm_modulate(Context& ctx, ops::Rows& x, Tensor h, const Tensor& scale, const Tensor& shift,
                             const ops::TokenSets& sets, float eps) const;

  private:
    bool added(Context& ctx, ops::Rows& x, const Tensor& h) const;
    // h goes before the step takes more memory.
    Tensor computed(Context& ctx, Tensor h) const;

    const Linear& map_;
    const Tensor* gate_;
    std::optional<ops::GatedProduct> product_;
};

}  // namespace t3video::nn
