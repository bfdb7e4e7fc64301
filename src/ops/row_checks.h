// Checks of operands that ops over rows share.
#pragma once

#include "core/error.h"
#include "tensor/op_types.h"

namespace t3video::ops {

// An order of rows: [n] i64 where the context computes. Entries are below `rows`, which only the host can look at.
inline void require_order(const char* op, const Tensor& order, int64_t rows) {
    require(order.rank() == 1 && order.dtype() == DType::i64, op, ": order ", order.shape(), " of ", order.dtype());
    if (order.device() != Device::cpu) return;
    for (const int64_t row : order.span<int64_t>()) {
        require(row >= 0 && row < rows, op, ": order holds ", row, " of ", rows, " rows");
    }
}

// One or two sets of f32 rows as wide as x: [N, C].
inline void require_sets(const char* op, const Tensor& sets, const Tensor& x) {
    require(x.rank() == 2 && sets.rank() == 2 && sets.dim(1) == x.dim(1) && sets.dim(0) >= 1 && sets.dim(0) <= 2, op,
            ": sets ", sets.shape(), " for x ", x.shape());
}

inline void require_residual(const char* op, const Tensor& x, const Residual& residual) {
    const auto& [h, gate, boundary, order] = residual;
    require(x.rank() == 2 && h.rank() == 2 && h.dim(1) == x.dim(1) && h.dim(0) == (order ? order->numel() : x.dim(0)),
            op, ": h ", h.shape(), " for x ", x.shape());
    if (gate) require_sets(op, *gate, x);
    if (order) require_order(op, *order, x.dim(0));
}

}  // namespace t3video::ops
