// Transformers that share a film, each for a range of noise levels.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/wan_dit/model.h"

namespace t3video::pipeline {

struct Expert {
    models::WanDit dit;
    double from = 0, to = 1;  // sigma, both included
};

// The expert for a noise level; of two that meet there, the one above. Throws Error where there is none.
const Expert& expert_for(std::span<const Expert> experts, double sigma);

// Experts whose weights are where the context computes, one at a time: noise falls from step to step, so that each has
// one turn.
class ExpertsInTurn {
  public:
    using Prepare = std::function<models::WanDit(const models::WanDit&)>;

    // `prepare` brings the weights there, as nn::kept does.
    ExpertsInTurn(std::vector<Expert> experts, Prepare prepare)
        : experts_(std::move(experts)), prepare_(std::move(prepare)) {}
    // One whose weights are there, for every noise level; refers to it.
    ExpertsInTurn(const models::WanDit& dit) : ready_(&dit) {}  // NOLINT(google-explicit-constructor)

    // Prepares the expert for this noise level, unless it has its turn already, and lets that before go first. Returns
    // its number.
    size_t turn_to(double sigma);
    const models::WanDit& dit() const { return *ready_; }

  private:
    std::vector<Expert> experts_;
    Prepare prepare_;
    std::optional<size_t> turn_;
    std::unique_ptr<models::WanDit> prepared_;
    const models::WanDit* ready_ = nullptr;  // null before the first turn
};

}  // namespace t3video::pipeline
