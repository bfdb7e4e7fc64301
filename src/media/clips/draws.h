// The random numbers of one clip.
#pragma once

#include <cstdint>

#include "core/hash_normal.h"

namespace t3video::media::clips {

// Numbers that follow from the seed and from how many were drawn before: the same on every machine, but for the last
// bits of log, sqrt and cos in normals.
class Draws {
  public:
    explicit Draws(uint64_t seed) : seed_(seed) {}

    float uniform(float low = 0, float high = 1) {
        const auto bits = static_cast<float>(mix_bits(mix_bits(seed_) ^ drawn_++) >> 40);  // 24, as floats have
        return low + (high - low) * (bits * 0x1p-24f);
    }
    float normal() { return hash_normal(seed_, drawn_++); }

  private:
    uint64_t seed_, drawn_ = 0;
};

}  // namespace t3video::media::clips
