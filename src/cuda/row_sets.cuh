// Rows that lie anywhere, with parameters that come in sets and follow the row's token.
#pragma once

#include <limits>

#include "core/error.h"
#include "cuda/kernel.cuh"
#include "tensor/op_types.h"

namespace t3video::cuda {

struct RowSets {
    const int64_t *indices = nullptr, *tokens = nullptr;
    int64_t first_token = 0;
    int64_t boundary = 0;    // a sample's tokens before it use its set at 0, the others the one `last_set` elements on
    int64_t last_set = 0;    // elements
    int64_t sample_set = 0;  // elements from a sample's first set to that of the next
    unsigned period = 0;     // tokens of a sample; 0: one sample. 32 bits: a division of 64 is a loop of instructions
    unsigned samples = 1;

    struct Range {
        int64_t begin, end;
    };

    __device__ int64_t row(int64_t i) const { return indices ? indices[i] : i; }
    // Of a sample that begins with token `start`.
    __device__ bool is_early(int64_t i, int64_t start) const {
        return last_set > 0 && (tokens ? tokens[i] : first_token + i) - start < boundary;
    }
    __device__ int64_t set_of(int64_t i) const {
        if (period == 0) return is_early(i, 0) ? 0 : last_set;
        const unsigned sample = static_cast<unsigned>(first_token + i) / period;
        return sample * sample_set + (is_early(i, int64_t{sample} * period) ? 0 : last_set);
    }
    // Those of `rows` rows that are of a sample.
    __device__ Range rows_of(unsigned sample, int64_t rows) const {
        if (period == 0) return {0, rows};
        const int64_t begin = int64_t{sample} * period - first_token;
        return {max(begin, int64_t{0}), min(begin + period, rows)};
    }
};

// parameters: [S, C], or null where all rows share them.
inline RowSets row_sets(const ops::Rows& rows, const Tensor* parameters = nullptr, const ops::TokenSets& sets = {}) {
    const auto list = [](const Tensor& x) { return x.defined() ? in<int64_t>(x) : nullptr; };
    RowSets r{list(rows.indices), list(rows.tokens.ids), rows.tokens.first, sets.boundary};
    if (!parameters) return r;
    const int64_t each = parameters->dim(0) / sets.samples, width = parameters->dim(1);
    r.last_set = (each - 1) * width;
    if (sets.samples == 1) return r;
    require(sets.samples * sets.period <= int64_t{std::numeric_limits<unsigned>::max()}, "rows: ", sets.samples,
            " samples of ", sets.period, " tokens, more than 32 bits count");
    r.sample_set = each * width;
    r.period = static_cast<unsigned>(sets.period);
    r.samples = static_cast<unsigned>(sets.samples);
    return r;
}

}  // namespace t3video::cuda
