// Where tensors live and arithmetic runs.
#pragma once

namespace t3video {

enum class Device { cpu, cuda };

}  // namespace t3video
