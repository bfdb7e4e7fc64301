// Linear combinations of samples.
#include "sampling/combine.h"

#include "core/error.h"
#include "ops/elementwise.h"

namespace t3video::sampling {

Tensor combine(Context& ctx, std::span<const Term> terms) {
    require(terms.size() >= 2, "combine: ", terms.size(), " terms, expected at least 2");
    Tensor sum = ops::axpby(ctx, static_cast<float>(terms[0].coefficient), terms[0].x,
                            static_cast<float>(terms[1].coefficient), terms[1].x);
    for (const Term& term : terms.subspan(2)) {
        sum = ops::axpby(ctx, 1.0f, sum, static_cast<float>(term.coefficient), term.x);
    }
    return sum;
}

Tensor predict_clean(Context& ctx, const Tensor& x, double sigma, const Tensor& velocity) {
    return combine(ctx, {{1.0, x}, {-sigma, velocity}});
}

}  // namespace t3video::sampling
