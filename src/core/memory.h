// How much memory the machine has to spare.
#pragma once

#include <cstdint>
#include <istream>

namespace t3video {

// Bytes that can be taken without swapping, as the kernel estimates them; the largest int64_t where it does not say.
int64_t available_memory();

// The same from the text of /proc/meminfo.
int64_t available_memory(std::istream& meminfo);

}  // namespace t3video
