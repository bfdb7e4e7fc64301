// What this build contains.
#pragma once

namespace t3video {

#ifndef T3VIDEO_WITH_CUDA
#error "give this file's target, or the file, T3VIDEO_BUILD of cmake/Targets.cmake"
#endif
inline constexpr bool kWithCuda = T3VIDEO_WITH_CUDA;

}  // namespace t3video
