// weighted_sum: shapes and dispatch.
#include "ops/weighted_sum.h"

#include "cpu/weighted_sum.h"
#include "cuda/weighted_sum.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Split weighted_sum(Context& ctx, std::span<const Term> terms) {
    require(!terms.empty() && terms.size() <= kMostTerms, "weighted_sum: ", terms.size(), " terms, expected 1 to ",
            kMostTerms);
    const Shape& shape = terms[0].x.shape();
    double bytes = 0;
    for (const Term& term : terms) {
        require(term.x.shape() == shape && term.x.dtype() == DType::f32, "weighted_sum: ", term.x.shape(), " of ",
                term.x.dtype(), " beside ", shape, " of f32");
        bytes += static_cast<double>(term.x.bytes());
    }
    Split sum{empty(ctx, shape), empty(ctx, shape)};
    dispatch(
        ctx, {.bytes = bytes + 2 * static_cast<double>(sum.high.bytes())}, [&] { cpu::weighted_sum(ctx, terms, sum); },
        [&] { cuda::weighted_sum(ctx, terms, sum); });
    return sum;
}

}  // namespace t3video::ops
