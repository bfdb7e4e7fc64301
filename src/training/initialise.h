// Fresh weights for a transformer that is trained from the beginning.
#pragma once

#include "models/wan_dit/model.h"

namespace t3video::training {

// As Wan's code makes them: matrices uniform within sqrt(6 / (in + out)) (Glorot's bound), those that embed text and
// time normal with deviation 0.02, modulations normal with deviation 1/sqrt(dim), norms 1, biases and the last map 0.
// Values follow from the seed and the weight's place alone. In host memory, f32.
void initialise(models::WanDit& dit, uint64_t seed);

}  // namespace t3video::training
