// Code for the card in use.
#pragma once

namespace t3video::cuda {

// Whether kernels of this program were built for the current device.
bool has_code_for_device();

}  // namespace t3video::cuda
