// What this build contains.
#pragma once

namespace t3video {

#ifdef T3VIDEO_WITH_CUDA
inline constexpr bool kWithCuda = true;
#else
inline constexpr bool kWithCuda = false;
#endif

}  // namespace t3video
