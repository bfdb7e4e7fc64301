// Whose turn it is.
#include "pipeline/experts.h"

#include "core/error.h"

namespace t3video::pipeline {

const Expert& expert_for(std::span<const Expert> experts, double sigma) {
    const Expert* found = nullptr;
    for (const Expert& expert : experts) {
        if (expert.from <= sigma && sigma <= expert.to && (!found || found->from < expert.from)) found = &expert;
    }
    require(found != nullptr, "no transformer for noise level ", sigma);
    return *found;
}

size_t ExpertsInTurn::turn_to(double sigma) {
    if (!prepare_) return 0;
    const Expert& expert = expert_for(experts_, sigma);
    const auto turn = static_cast<size_t>(&expert - experts_.data());
    if (turn_ != turn) {
        prepared_.reset();
        prepared_ = std::make_unique<models::WanDit>(prepare_(expert.dit));
        ready_ = prepared_.get();
        turn_ = turn;
    }
    return turn;
}

}  // namespace t3video::pipeline
