// The learning rate over a run.
#pragma once

#include <cstdint>

namespace t3video::training {

struct RateOptions {
    enum class Shape { constant, cosine };
    // linear: rises evenly over the warm-up, from 1/warm_up; third: a third of the rate throughout, as T3's code has it
    // for five updates (PyTorch's ConstantLR).
    enum class WarmUp { linear, third };

    double rate = 2e-5;
    Shape shape = Shape::constant;
    WarmUp warm_up = WarmUp::linear;
    int64_t warm_up_updates = 5;
    int64_t updates = 0;  // of the whole run; the cosine falls to `least` of the rate there
    double least = 0.1;
};

// Throws InvalidRequest naming the field for numbers outside their range.
void check(const RateOptions& options);

// Of the update with this number, from 0.
double rate_of(const RateOptions& options, int64_t update);

}  // namespace t3video::training
