// Sums over the rows of a matrix, such as the gradient of what all rows share.
#pragma once

#include <algorithm>
#include <array>

#include "cpu/row_index.h"

namespace t3video::cpu {

// total[c] += the sum over rows of what add(row, first, count, sums) adds to sums[0 .. count) for columns first and on.
// Columns are divided among threads, rows are not: the bits do not depend on the threads. Rows gather by hundreds in
// sums of their own, so that of many rows the last ones still count.
template <class Add>
void sum_rows(const Context& ctx, int64_t rows, int64_t width, float* total, Add&& add) {
    constexpr int64_t kColumns = 128, kRows = 128;
    ctx.parallel_for((width + kColumns - 1) / kColumns, 1, [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; ++block) {
            const int64_t first = block * kColumns, count = std::min(kColumns, width - first);
            for (int64_t row = 0; row < rows;) {
                std::array<float, kColumns> sums{};
                for (const int64_t last = std::min(row + kRows, rows); row < last; ++row)
                    add(row, first, count, sums.data());
                for (int64_t c = 0; c < count; ++c) total[first + c] += sums[static_cast<size_t>(c)];
            }
        }
    });
}

// Two matrices of `rows` rows, of which the first may lie in another order; without a its elements are ones.
struct Factors {
    const float *a, *b;
    int64_t rows, width;
    Index rows_of_a = Index(Tensor());
};

// total[c] += the sum of a * b over the rows for which counts(row) holds.
template <class Counts>
void sum_products(const Context& ctx, const Factors& f, Counts&& counts, float* total) {
    sum_rows(ctx, f.rows, f.width, total, [&](int64_t row, int64_t first, int64_t count, float* sums) {
        if (!counts(row)) return;
        const float* b = f.b + row * f.width + first;
        if (!f.a) {
            for (int64_t c = 0; c < count; ++c) sums[c] += b[c];
            return;
        }
        const float* a = f.a + f.rows_of_a[row] * f.width + first;
        for (int64_t c = 0; c < count; ++c) sums[c] += a[c] * b[c];
    });
}

}  // namespace t3video::cpu
