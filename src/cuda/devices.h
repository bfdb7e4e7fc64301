// The GPUs of this machine.
#pragma once

#include <string>
#include <vector>

namespace t3video::cuda {

// One line per GPU: "0: NVIDIA H200, 139.8 GiB, 132 multiprocessors, compute capability 9.0". Empty without a GPU or
// driver.
std::vector<std::string> devices();

}  // namespace t3video::cuda
