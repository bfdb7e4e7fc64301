// Parameters of layers in tests.
#pragma once

#include <span>

#include "nn/param.h"

namespace t3video::testing {

// The numbers of a weight that a test made.
inline std::span<float> numbers_of(const nn::Param& param) {
    Tensor numbers = param.value.numbers();
    return numbers.span<float>();
}

}  // namespace t3video::testing
