// Code for the card in use.
#pragma once

namespace t3video::cuda {

// Whether kernels of this program were built for the current device.
bool has_code_for_device();

// The same for sm_90a, the target with the instructions that capability 9.0 alone has.
bool has_sm_90a_code();

}  // namespace t3video::cuda
