// Residual steps of linear maps.
#include "nn/residual_linear.h"

#include <utility>

#include "ops/elementwise.h"
#include "ops/norm.h"
#include "ops/residual.h"

namespace t3video::nn {

ResidualLinear::ResidualLinear(Context& ctx, const Linear& map, const Tensor* gate, int64_t rows)
    : map_(map), gate_(gate) {
    const bool one_set = !gate || gate->dim(0) == 1;
    const bool in_packs = map.in() % 8 == 0;  // as the gate is folded in
    if (one_set && in_packs && !map.adapter && ops::adds_products(ctx, rows, map.out()))
        product_ = ops::fold_gate(ctx, map.weight, map.has_bias ? &map.bias.tensor() : nullptr, gate);
}

bool ResidualLinear::added(Context& ctx, ops::Rows& x, const Tensor& h) const {
    if (!product_ || x.indices.defined()) return false;
    ops::add_product(ctx, h, *product_, x.data);
    return true;
}

Tensor ResidualLinear::computed(Context& ctx, Tensor h) const {
    return map_.forward(ctx, h);
}

void ResidualLinear::add(Context& ctx, ops::Rows& x, Tensor h, const ops::TokenSets& sets) const {
    if (added(ctx, x, h)) return;
    const Tensor y = computed(ctx, std::move(h));
    if (gate_) return ops::add_gated_to(ctx, x, *gate_, y, sets);
    require(!x.indices.defined(), "residual_linear: rows in another order need a gate");
    ops::add_to(ctx, x.data, y);
}

Tensor ResidualLinear::add_layer_norm(Context& ctx, ops::Rows& x, Tensor h, const Tensor& weight, const Tensor& bias,
                                      const ops::TokenSets& sets, float eps) const {
    if (added(ctx, x, h)) return ops::layer_norm(ctx, x.data, weight, bias, eps);
    const Tensor y = computed(ctx, std::move(h));
    return ops::add_layer_norm(ctx, x, {y, gate_}, weight, bias, sets, eps);
}

Tensor ResidualLinear::add_norm_modulate(Context& ctx, ops::Rows& x, Tensor h, const Tensor& scale, const Tensor& shift,
                                         const ops::TokenSets& sets, float eps) const {
    if (added(ctx, x, h)) return ops::norm_modulate(ctx, x, scale, shift, sets, eps);
    const Tensor y = computed(ctx, std::move(h));
    return ops::add_norm_modulate(ctx, x, {y, gate_}, scale, shift, sets, eps);
}

}  // namespace t3video::nn
