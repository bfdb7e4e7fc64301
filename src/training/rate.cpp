// Warm-ups and falls.
#include "training/rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace t3video::training {

void check(const RateOptions& o) {
    require_valid(o.rate > 0 && o.rate <= 1, Field("rate", o.rate), ": expected more than 0, at most 1");
    require_valid(o.warm_up_updates >= 0, Field("warm-up", o.warm_up_updates), ": expected 0 or more updates");
    require_valid(o.least >= 0 && o.least <= 1, Field("least-rate", o.least), ": expected a share of 0 to 1");
    const bool ends = o.shape == RateOptions::Shape::constant || o.updates > o.warm_up_updates;
    require_valid(ends, Field("updates", o.updates), ": a cosine wants more updates than its warm-up of ",
                  o.warm_up_updates);
}

double rate_of(const RateOptions& o, int64_t update) {
    if (update < o.warm_up_updates) {
        const double share = o.warm_up == RateOptions::WarmUp::third
                                 ? 1.0 / 3
                                 : static_cast<double>(update + 1) / static_cast<double>(o.warm_up_updates);
        return o.rate * share;
    }
    if (o.shape == RateOptions::Shape::constant) return o.rate;
    const double done = static_cast<double>(update - o.warm_up_updates) /
                        static_cast<double>(std::max<int64_t>(1, o.updates - o.warm_up_updates));
    const double height = 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, done)));
    return o.rate * (o.least + (1 - o.least) * height);
}

}  // namespace t3video::training
