// What this machine can compute on.
#pragma once

#include <string>
#include <vector>

namespace t3video::ops {

// One line per GPU that a build with CUDA sees; empty in a build without.
std::vector<std::string> cuda_devices();

}  // namespace t3video::ops
