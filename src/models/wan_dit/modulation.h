// Scales, shifts and gates from the timestep: a projected embedding plus a learned offset per row.
#pragma once

#include <array>

#include "nn/param.h"
#include "ops/convert.h"
#include "ops/elementwise.h"
#include "ops/layout.h"

namespace t3video::models {

// learned: [1, rows, dim]; embedding: [sets, rows*dim], or [sets, dim] serving every row alike. Returns `rows` tensors
// [sets, dim]: row r of the embedding plus row r of the learned offsets.
template <size_t rows>
std::array<Tensor, rows> modulation_rows(Context& ctx, const Tensor& embedding, const nn::Param& learned) {
    const int64_t dim = learned.shape[2];
    const Tensor offsets = ops::convert(ctx, learned.tensor(), DType::f32).reshape({rows, dim});
    std::array<Tensor, rows> parts;
    for (int64_t r = 0; r < static_cast<int64_t>(rows); ++r) {
        const Tensor row = embedding.dim(1) == dim ? embedding : ops::columns(ctx, embedding, r * dim, (r + 1) * dim);
        const Tensor offset = offsets.slice(r, r + 1);
        parts[static_cast<size_t>(r)] =
            ops::add(ctx, row, row.dim(0) == 1 ? offset : ops::concat(ctx, std::array{offset, offset}));
    }
    return parts;
}

}  // namespace t3video::models
