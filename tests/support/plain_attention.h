// Attention and its gradients in double, pair by pair, where the keys of each query are listed: all, or those of a
// mask.
#pragma once

#include <algorithm>
#include <array>

#include "support/gradients.h"

namespace t3video::testing {

struct PlainAttention {
    struct Key {
        size_t row;
        double count;  // for so many equal keys it stands
    };
    size_t heads, width, value_width;
    double scale;
    std::vector<std::vector<Key>> keys;  // of each query

    // The keys with mask(query, key), each once.
    void set_keys(size_t queries, size_t rows, const std::function<bool(size_t, size_t)>& mask) {
        keys.assign(queries, {});
        for (size_t i = 0; i < queries; ++i) {
            for (size_t j = 0; j < rows; ++j) {
                if (mask(i, j)) keys[i].push_back({j, 1});
            }
        }
    }

    // softmax(scale q k^T) of one query and head, over its keys; a key that stands for several gets the share of all.
    Doubles shares(const Doubles& q, const Doubles& k, size_t query, size_t head) const {
        Doubles scores;
        for (const Key& key : keys[query]) {
            double dot = 0;
            for (size_t c = 0; c < width; ++c) {
                dot += q[(query * heads + head) * width + c] * k[(key.row * heads + head) * width + c];
            }
            scores.push_back(scale * dot);
        }
        const double top = *std::ranges::max_element(scores);
        double sum = 0;
        for (size_t j = 0; j < scores.size(); ++j) sum += scores[j] = keys[query][j].count * std::exp(scores[j] - top);
        for (double& score : scores) score /= sum;
        return scores;
    }

    Doubles output(const Doubles& q, const Doubles& k, const Doubles& v) const {
        Doubles y(keys.size() * heads * value_width);
        for (size_t i = 0; i < keys.size(); ++i) {
            for (size_t h = 0; h < heads; ++h) {
                const Doubles p = shares(q, k, i, h);
                for (size_t j = 0; j < p.size(); ++j) {
                    for (size_t c = 0; c < value_width; ++c) {
                        y[(i * heads + h) * value_width + c] +=
                            p[j] * v[(keys[i][j].row * heads + h) * value_width + c];
                    }
                }
            }
        }
        return y;
    }

    Forward forward() const {
        return [this](const std::vector<Doubles>& at) { return output(at[0], at[1], at[2]); };
    }

    // Of q, k and v: dv = p^T dy, dp = dy v^T, ds = p (dp - sum of p dp), dq = scale ds k, dk = scale ds^T q.
    std::array<Doubles, 3> gradients(const Doubles& q, const Doubles& k, const Doubles& v, const Doubles& dy) const {
        std::array<Doubles, 3> d{Doubles(q.size()), Doubles(k.size()), Doubles(v.size())};
        for (size_t i = 0; i < keys.size(); ++i) {
            for (size_t h = 0; h < heads; ++h) {
                const Doubles p = shares(q, k, i, h);
                const size_t query = (i * heads + h) * width, row = (i * heads + h) * value_width;
                Doubles dp(p.size());
                double mean = 0;
                for (size_t j = 0; j < p.size(); ++j) {
                    const size_t value = (keys[i][j].row * heads + h) * value_width;
                    for (size_t c = 0; c < value_width; ++c) {
                        dp[j] += dy[row + c] * v[value + c];
                        d[2][value + c] += p[j] * dy[row + c];
                    }
                    mean += p[j] * dp[j];
                }
                for (size_t j = 0; j < p.size(); ++j) {
                    const size_t key = (keys[i][j].row * heads + h) * width;
                    const double ds = scale * p[j] * (dp[j] - mean);
                    for (size_t c = 0; c < width; ++c) {
                        d[0][query + c] += ds * k[key + c];
                        d[1][key + c] += ds * q[query + c];
                    }
                }
            }
        }
        return d;
    }
};

}  // namespace t3video::testing
