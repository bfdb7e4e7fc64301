// What is known of the libraries before they are asked.
#pragma once

#include <cstddef>
#include <cstdint>

namespace t3video::cuda {

// What one asks for per call.
constexpr size_t kLibraryScratch = size_t{32} << 20;
// Elements that one counts in 32 bits.
constexpr int64_t kCountable = (int64_t{1} << 31) - 1;

}  // namespace t3video::cuda
