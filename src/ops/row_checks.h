// Checks of operands that ops over rows share.
#pragma once

#include <limits>

#include "core/error.h"
#include "tensor/op_types.h"

namespace t3video::ops {

// Indices of rows or tokens: [n] i64 where the context computes, each below `end`, which only the host can look at.
inline void require_indices(const char* op, const char* what, const Tensor& indices, int64_t n, int64_t end) {
    require(indices.rank() == 1 && indices.dtype() == DType::i64 && indices.numel() == n, op, ": ", what, ' ',
            indices.shape(), " of ", indices.dtype(), " for ", n, " rows");
    if (indices.device() != Device::cpu) return;
    for (const int64_t i : indices.span<int64_t>())
        require(i >= 0 && i < end, op, ": ", what, " hold ", i, " of ", end);
}

// Of n rows, in a grid of `end` tokens.
inline void require_tokens(const char* op, const Tokens& tokens, int64_t n, int64_t end) {
    if (tokens.ids.defined()) return require_indices(op, "tokens", tokens.ids, n, end);
    require(tokens.first >= 0 && tokens.first <= end - n, op, ": tokens ", tokens.first, " to ", tokens.first + n - 1,
            " of ", end);
}

inline void require_rows(const char* op, const Rows& x) {
    require(x.data.rank() == 2, op, ": rows of ", x.data.shape());
    if (x.indices.defined()) require_indices(op, "indices", x.indices, x.count(), x.data.dim(0));
    require_tokens(op, x.tokens, x.count(), std::numeric_limits<int64_t>::max());
}

// Parameters of f32 rows as wide as x, a set or two for each of the samples that the rows are of.
inline void require_sets(const char* op, const Tensor& all, const Rows& x, const TokenSets& sets) {
    const int64_t samples = sets.samples, n = x.count();
    require(x.data.rank() == 2 && all.rank() == 2 && all.dim(1) == x.data.dim(1) && samples >= 1 &&
                (all.dim(0) == samples || all.dim(0) == 2 * samples),
            op, ": sets ", all.shape(), " for x ", x.data.shape(), " of ", samples, " samples");
    if (samples == 1) return;
    const auto& [ids, first] = x.tokens;
    require(sets.period >= 1 && first >= 0 && first + n <= samples * sets.period, op, ": rows of tokens ", first,
            " to ", first + n - 1, " of ", samples, " samples of ", sets.period);
    if (!ids.defined() || ids.device() != Device::cpu) return;
    for (int64_t i = 0; i < n; ++i) {
        const int64_t token = ids.span<int64_t>()[static_cast<size_t>(i)];
        require(sets.sample_of(token) == sets.sample_of(first + i), op, ": token ", token, " in the place of token ",
                first + i, ", which is of another sample");
    }
}

// The gradient of `elements` parameters, if somebody asks for it.
inline void require_gradient(const char* op, const Tensor* gradient, int64_t elements) {
    require(!gradient || (gradient->numel() == elements && gradient->dtype() == DType::f32), op, ": gradient ",
            gradient ? gradient->shape() : Shape(), " of ", elements, " parameters, expected f32");
}

inline void require_residual(const char* op, const Rows& x, const Residual& residual, const TokenSets& sets) {
    const auto& [h, gate] = residual;
    require_rows(op, x);
    require(h.rank() == 2 && h.dim(1) == x.data.dim(1) && h.dim(0) == x.count(), op, ": h ", h.shape(), " for ",
            x.count(), " rows of ", x.data.shape());
    if (gate) require_sets(op, *gate, x, sets);
}

}  // namespace t3video::ops
