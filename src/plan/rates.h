// How fast this machine computes, measured once and kept in a file.
#pragma once

#include <filesystem>

#include "tensor/context.h"

namespace t3video::plan {

struct Rates {
    double matrix = 0, attention = 0, convolution = 0;  // FLOP/s
    double bytes = 0;                                   // bytes/s of everything else
    double upload = 0;                                  // bytes/s of weights on their way to a GPU; 0 on the CPU
    double download = 0;                                // bytes/s of frames on their way from it; 0 on the CPU

    double seconds(const Work& work) const;
};

// Runs some of each kind of work: 1 to 2 seconds. On a GPU the rates are those of a card that has been busy for a
// while.
Rates measure_rates(Context& ctx);

// As kept in `file` for this device, type, number of threads and version of the program; measured, and kept, where they
// are not, or the file is damaged. A file that cannot be written is no error.
Rates rates_of(Context& ctx, const std::filesystem::path& file);

// rates.json in $XDG_CACHE_HOME/t3video or ~/.cache/t3video; empty where neither is known.
std::filesystem::path rates_file();

}  // namespace t3video::plan
