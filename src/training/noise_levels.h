// Which noise levels a model is trained at, and how much each counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sampling/schedule.h"

namespace t3video::training {

struct NoiseLevelOptions {
    // uniform: over the entries of the sampler's shifted schedule of 1000 steps, as T3 was trained. logit_normal:
    // u = sigmoid(mean + deviation * normal), moved by the shift (Esser et al. 2024, "Scaling Rectified Flow
    // Transformers", section 3.1); mean 0 and deviation 1 are what other trainers call "sigmoid".
    enum class Draw { uniform, logit_normal };
    // bell: highest in the middle, as T3's pipeline weights (exp(-2 ((t - 500)/1000)^2), least 0, mean 1).
    enum class Weights { none, bell };

    Draw draw = Draw::uniform;
    Weights weights = Weights::bell;
    double mean = 0, deviation = 1;  // of logit_normal
    double shift = 5;                // more than 1 goes to higher noise
    double from = 0, to = 1;         // part of the range, from pure noise (0) to clean (1)
    bool bf16_timesteps = true;      // round the time that the network is told, and take the level nearest to it, as T3
};

struct NoiseLevel {
    double timestep = 0;  // 0..1000
    double sigma = 0;     // share of noise, 0..1
    double weight = 1;    // of the loss
};

class NoiseLevels {
  public:
    // Throws InvalidRequest for numbers outside what is said here, naming the field.
    explicit NoiseLevels(const NoiseLevelOptions& options);

    // The `index`-th level that follows from a seed. Nothing is kept from draw to draw: a run that is taken up again
    // goes on with the same levels.
    NoiseLevel draw(uint64_t seed, uint64_t index) const;
    // The level of a given share of noise, exactly as given, with its weight: for validation.
    NoiseLevel at(double sigma) const;

  private:
    size_t nearest(double timestep) const;  // entry of the schedule, the first of two

    NoiseLevelOptions options_;
    sampling::Schedule schedule_;
    std::vector<double> weights_;  // of its entries
};

}  // namespace t3video::training
