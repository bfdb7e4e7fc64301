// What every attention layer of the transformer learns: four projections, and norms of queries and keys.
#pragma once

#include <string>

#include "nn/linear.h"
#include "nn/norm.h"

namespace t3video::nn {

struct AttentionWeights {
    AttentionWeights() = default;
    AttentionWeights(int64_t width, int64_t head_count, float eps)
        : q(width, width),
          k(width, width),
          v(width, width),
          o(width, width),
          norm_q(width, eps),
          norm_k(width, eps),
          heads(head_count) {}

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        q.for_each_param(prefix + "q.", visit);
        k.for_each_param(prefix + "k.", visit);
        v.for_each_param(prefix + "v.", visit);
        o.for_each_param(prefix + "o.", visit);
        norm_q.for_each_param(prefix + "norm_q.", visit);
        norm_k.for_each_param(prefix + "norm_k.", visit);
    }

    template <class Visitor>
    void for_each_linear(const std::string& prefix, Visitor&& visit) {
        q.for_each_linear(prefix + "q.", visit);
        k.for_each_linear(prefix + "k.", visit);
        v.for_each_linear(prefix + "v.", visit);
        o.for_each_linear(prefix + "o.", visit);
    }

    Linear q, k, v, o;
    RmsNorm norm_q, norm_k;  // over the whole width, before it is split into heads
    int64_t heads = 1;
};

}  // namespace t3video::nn
