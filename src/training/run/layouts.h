// The windows that clips of a size are trained with.
#pragma once

#include "training/run/options.h"

namespace t3video::training {

// Full attention where that is asked for; else windows planned from those of the options' file, of the model's
// t3-layout.json or of the published table, and of these the branches that are asked for. Throws InvalidRequest for a
// file that is no layout, and where no table is known.
film::LayoutChoice layout_for(const RunOptions& options, const film::ModelFiles& files, const Grid& grid, int64_t cell);

}  // namespace t3video::training
