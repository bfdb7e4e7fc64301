// Window attention as the two rules define it, token by token: what the op must give for the windows of a
// t3::LayoutWindows.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <ostream>
#include <vector>

#include "t3/window_layout.h"

namespace t3video::testing {

struct WindowCase {
    Grid grid;
    t3::Pattern counts;
    int64_t heads, width;

    Shape shape() const { return {grid.tokens(), heads * width}; }
    float scale() const { return 1 / std::sqrt(static_cast<float>(width)); }
    friend std::ostream& operator<<(std::ostream& out, const WindowCase& c) {
        return out << c.grid << " in " << c.counts << " windows, " << c.heads << " heads of " << c.width;
    }
};

// Axes that windows divide and axes that they do not, windows of one token and of a few hundred, one branch and two.
const WindowCase kWindowCases[] = {
    {{3, 8, 12}, {1, 2, 3}, 2, 128},
    {{3, 8, 12}, {3, 2, 4}, 1, 128},
    {{3, 5, 7}, {2, 2, 3}, 2, 128},
    {{5, 7, 11}, {2, 3, 4}, 3, 128},
    {{2, 3, 5}, {2, 2, 5}, 1, 128},
    {{1, 1, 401}, {1, 1, 2}, 2, 128},
    {{3, 5, 8}, {3, 1, 1}, 2, 128},
    {{3, 5, 7}, {1, 1, 1}, 1, 128},
    {{2, 3, 4}, {2, 3, 4}, 2, 128},
    {{3, 5, 7}, {2, 2, 3}, 2, 12},
    {{4, 9, 10}, {1, 4, 3}, 3, 64},
    {{1, 1, 601}, {1, 1, 2}, 1, 48},
    {{2, 5, 6}, {1, 2, 4}, 3, 40},
    {{2, 3, 5}, {2, 2, 5}, 1, 64},
    // Of a few tokens, in one tile and more, and of as many as a tile has and one more.
    {{4, 6, 10}, {4, 3, 5}, 2, 128},
    {{4, 9, 10}, {2, 3, 4}, 2, 64},
    {{1, 13, 7}, {1, 13, 1}, 1, 128},
    {{1, 8, 24}, {1, 1, 3}, 2, 128},
    {{1, 5, 26}, {1, 1, 2}, 2, 128},
    {{3, 5, 7}, {3, 5, 7}, 1, 24},
    {{2, 11, 12}, {2, 3, 4}, 1, 16},
    {{1, 33, 4}, {1, 1, 4}, 2, 128},
    // Moved.
    {{5, 7, 11}, {2, 3, 4, {1, 1, 0}}, 2, 128},
    {{3, 8, 12}, {1, 2, 3, {2, 3, 1}}, 1, 128},
    {{4, 4, 4}, {3, 3, 3, {0, 0, 0}}, 1, 64},
    {{3, 5, 9}, {3, 1, 2, {0, 4, 3}}, 2, 12},
};

// Whether positions a and b of an axis share one of `count` windows: the parts [floor(iX/n), floor((i+1)X/n)) moved by
// the shift, behind a part of what lies before, or where `strided` the positions alike modulo n.
inline bool share_a_window(int64_t extent, int64_t count, int64_t shift, bool strided, int64_t a, int64_t b) {
    const auto part = [&](int64_t x) {
        if (strided) return x % count;
        return x < shift ? -1 : ((x - shift + 1) * count - 1) / extent;
    };
    return part(a) == part(b);
}

struct PlainBranch {
    std::vector<double> output, log_sum_exp;  // [N, heads*width], [heads, N]
};

// Of close windows and of remote ones. Row i of q, k, v and of the outputs belongs to token tokens[i].
inline std::array<PlainBranch, 2> plain_branches(const WindowCase& c, const Tensor& q, const Tensor& k, const Tensor& v,
                                                 const std::vector<int64_t>& tokens) {
    const Grid& g = c.grid;
    const auto together = [&](int64_t a, int64_t b, bool strided) {
        return share_a_window(g.t, c.counts.t, c.counts.shift.t, strided, a / (g.h * g.w), b / (g.h * g.w)) &&
               share_a_window(g.h, c.counts.h, c.counts.shift.h, strided, a / g.w % g.h, b / g.w % g.h) &&
               share_a_window(g.w, c.counts.w, c.counts.shift.w, strided, a % g.w, b % g.w);
    };
    const size_t rows = tokens.size();
    std::array<PlainBranch, 2> result;
    for (PlainBranch& branch : result) {
        branch.output.resize(static_cast<size_t>(q.numel()));
        branch.log_sum_exp.resize(rows * static_cast<size_t>(c.heads));
    }
    std::vector<double> weights;
    for (size_t i = 0; i < rows; ++i) {
        for (const bool strided : {false, true}) {
            PlainBranch& branch = result[strided ? 1 : 0];
            std::vector<size_t> keys;
            for (size_t j = 0; j < rows; ++j) {
                if (together(tokens[i], tokens[j], strided)) keys.push_back(j);
            }
            for (int64_t head = 0; head < c.heads; ++head) {
                const auto row = [&](const Tensor& x, size_t j) {
                    return x.data<float>() + (static_cast<int64_t>(j) * c.heads + head) * c.width;
                };
                weights.clear();
                for (const size_t j : keys) {
                    double dot = 0;
                    for (int64_t d = 0; d < c.width; ++d) dot += double{row(q, i)[d]} * double{row(k, j)[d]};
                    weights.push_back(dot * double{c.scale()});
                }
                const double most = *std::ranges::max_element(weights);
                double sum = 0;
                for (double& weight : weights) sum += weight = std::exp(weight - most);
                branch.log_sum_exp[static_cast<size_t>(head) * rows + i] = most + std::log(sum);
                double* to = branch.output.data() + (static_cast<int64_t>(i) * c.heads + head) * c.width;
                for (size_t n = 0; n < keys.size(); ++n) {
                    for (int64_t d = 0; d < c.width; ++d) to[d] += weights[n] / sum * double{row(v, keys[n])[d]};
                }
            }
        }
    }
    return result;
}

// Their mean; where both partitions are the same sets of tokens, that is either.
inline std::vector<double> mean_of(const std::array<PlainBranch, 2>& branches) {
    std::vector<double> mean(branches[0].output);
    for (size_t i = 0; i < mean.size(); ++i) mean[i] = (mean[i] + branches[1].output[i]) / 2;
    return mean;
}
inline std::vector<double> plain_window_attention(const WindowCase& c, const Tensor& q, const Tensor& k,
                                                  const Tensor& v, const std::vector<int64_t>& tokens) {
    return mean_of(plain_branches(c, q, k, v, tokens));
}

// The largest error of logarithms, relative where they lie above 1. NaN if any is.
inline double worst_logarithm(const Tensor& x, const std::vector<double>& reference) {
    const auto values = x.span<float>();
    if (values.size() != reference.size()) return std::numeric_limits<double>::infinity();
    double worst = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        const double error = std::abs(values[i] - reference[i]) / std::max(1.0, std::abs(reference[i]));
        if (std::isnan(error)) return error;
        worst = std::max(worst, error);
    }
    return worst;
}

// The token of each row in a context's plan.
inline std::vector<int64_t> tokens_of_rows(Context& ctx, const t3::LayoutWindows& plan) {
    if (const Tensor* order = plan.row_order(0)) {
        const Tensor host = to_host(ctx, *order);
        return {host.span<int64_t>().begin(), host.span<int64_t>().end()};
    }
    std::vector<int64_t> tokens(static_cast<size_t>(plan.grid().tokens()));
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<int64_t>(i);
    return tokens;
}

inline std::vector<const ops::TokenWindows*> branches_of(const t3::LayoutWindows& plan) {
    std::vector<const ops::TokenWindows*> branches;
    for (const ops::TokenWindows& branch : plan.of_layer(0)) branches.push_back(&branch);
    return branches;
}

// Where the plan has an order of its own, the first branch lies as it is and a second one is gathered: otherwise a test
// of "windows as planned" would test something else.
inline bool first_lies_second_is_gathered(const t3::LayoutWindows& plan) {
    const t3::LayerWindows& windows = plan.of_layer(0);
    return windows[0].in_order && std::ranges::is_sorted(windows[0].order) &&
           std::ranges::none_of(windows.begin() + 1, windows.end(), &ops::TokenWindows::in_order);
}

}  // namespace t3video::testing
