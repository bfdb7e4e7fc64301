// Where tensors live and arithmetic runs.
#pragma once

namespace t3video {

// meta: shapes and memory are accounted for, nothing is stored or computed. It tells what a run would need.
enum class Device { cpu, cuda, meta };

}  // namespace t3video
