// Rows of several samples, one behind another in a stream, with sets of parameters that are each sample's own.
#pragma once

#include <algorithm>
#include <numeric>
#include <ostream>
#include <random>
#include <vector>

#include "tensor/op_types.h"

namespace t3video::testing {

// `rows` rows from row `first` of the stream on. Tokens before `boundary` of each sample take the first of two sets.
struct SamplesCase {
    int64_t samples, period, first, rows, width, each, boundary;

    int64_t sets() const { return samples * each; }
    ops::TokenSets token_sets() const { return {boundary, samples, period}; }

    // The token of each row: in turn, or in an order of each sample's own.
    std::vector<int64_t> tokens(bool ordered) const {
        std::vector<int64_t> all(static_cast<size_t>(samples * period));
        std::iota(all.begin(), all.end(), 0);
        for (int64_t s = 0; ordered && s < samples; ++s) {
            const auto begin = all.begin() + s * period;
            std::shuffle(begin, begin + period, std::mt19937(static_cast<uint32_t>(s)));
        }
        return {all.begin() + first, all.begin() + first + rows};
    }
    // By the definition: those of a sample stand together.
    int64_t set_of(int64_t token) const {
        int64_t sample = 0;
        while (token >= period) token -= period, ++sample;
        return sample * each + (each == 2 && token >= boundary ? 1 : 0);
    }
    friend std::ostream& operator<<(std::ostream& out, const SamplesCase& c) {
        return out << c.rows << " rows from " << c.first << " on of " << c.samples << " samples of " << c.period
                   << " tokens, " << c.width << " wide, " << c.each << " sets each, boundary " << c.boundary;
    }
};

// Whole streams and parts that begin and end within samples, or leave some out; one token each, one sample, many.
const SamplesCase kSamplesCases[] = {
    {1, 7, 0, 7, 33, 2, 3},     {2, 5, 0, 10, 3, 1, 0},      {3, 5, 0, 15, 33, 2, 2},  {3, 5, 4, 8, 96, 2, 2},
    {3, 11, 13, 7, 16, 2, 4},   {4, 1, 1, 2, 12, 2, 1},      {5, 3, 0, 15, 257, 1, 9}, {4, 40, 31, 100, 96, 2, 40},
    {2, 300, 1, 599, 32, 2, 0}, {9, 64, 0, 576, 192, 2, 16}, {1, 9, 2, 6, 96, 1, 0},
};

}  // namespace t3video::testing
