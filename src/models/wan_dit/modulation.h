// Scales, shifts and gates from the timestep: a projected embedding plus a learned offset per row.
#pragma once

#include <array>

#include "nn/param.h"
#include "ops/convert.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "ops/linear.h"

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
        parts[static_cast<size_t>(r)] = ops::add_row(ctx, row, offsets.slice(r, r + 1));
    }
    return parts;
}

// Its backward, of dparts: [rows*sets, dim], the gradients of the first part, then of the next. They are added to those
// of the embedding where asked for, [rows*sets, dim] in the same order or [sets, dim] f32, and of the learned offsets,
// where they are trained:
//     dembedding_r += dpart_r,    dlearned_r += the sum of dpart_r over the sets
template <int64_t rows>
void modulation_rows_backward(Context& ctx, const Tensor& dparts, Tensor* dembedding, const nn::Param& learned) {
    const int64_t dim = learned.shape[2], sets = dparts.dim(0) / rows;
    const auto part = [&](int64_t r) { return dparts.slice(r * sets, (r + 1) * sets); };
    if (const Tensor* d = learned.gradient()) {
        const Tensor offsets = d->reshape({rows, dim});
        for (int64_t r = 0; r < rows; ++r) {
            Tensor offset = offsets.slice(r, r + 1);
            ops::add_column_sums(ctx, part(r), offset);
        }
    }
    if (!dembedding) return;
    if (dembedding->dim(0) == dparts.dim(0)) return ops::add_to(ctx, *dembedding, dparts);
    for (int64_t r = 0; r < rows; ++r) ops::add_to(ctx, *dembedding, part(r));
}

}  // namespace t3video::models
