// Scales, shifts and gates from the timestep: a projected embedding plus a learned offset per row.
#pragma once

#include <array>
#include <vector>

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
        const Tensor offset = offsets.slice(r, r + 1);
        parts[static_cast<size_t>(r)] =
            ops::add(ctx, row, row.dim(0) == 1 ? offset : ops::concat(ctx, std::array{offset, offset}));
    }
    return parts;
}

// Its backward: the gradients of its parts are added to those of the embedding, [sets, rows*dim] or [sets, dim] f32,
// where asked for, and of the learned offsets, where they are trained:
//     dembedding_r += dpart_r,    dlearned_r += the sum of dpart_r over the sets
template <size_t rows>
void modulation_rows_backward(Context& ctx, const std::array<Tensor, rows>& dparts, Tensor* dembedding,
                              const nn::Param& learned) {
    const int64_t dim = learned.shape[2], sets = dparts[0].dim(0);
    if (const Tensor* d = learned.gradient()) {
        const Tensor offsets = d->reshape({rows, dim});
        for (size_t r = 0; r < rows; ++r) {
            Tensor offset = offsets.slice(static_cast<int64_t>(r), static_cast<int64_t>(r) + 1);
            ops::add_column_sums(ctx, dparts[r], offset);
        }
    }
    if (!dembedding) return;
    if (dembedding->dim(1) == dim) {
        for (const Tensor& part : dparts) ops::add_to(ctx, *dembedding, part);
        return;
    }
    std::vector<Tensor> by_set;  // set by set, row by row: as the embedding lies
    for (int64_t set = 0; set < sets; ++set) {
        for (const Tensor& part : dparts) by_set.push_back(part.slice(set, set + 1));
    }
    ops::add_to(ctx, *dembedding, ops::concat(ctx, by_set).reshape(dembedding->shape()));
}

}  // namespace t3video::models
