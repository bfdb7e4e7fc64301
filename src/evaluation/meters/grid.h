// Whether the windows of self-attention show in a film: seams at the borders of close windows, lattices at the strides
// of remote ones.
#pragma once

#include <memory>
#include <span>

#include "evaluation/meter.h"
#include "evaluation/results.h"
#include "t3/window_layout.h"

namespace t3video::evaluation {

// The windows that a film was made in. A film smaller than its grid shows the middle of it, as films are cropped.
struct FilmWindows {
    t3::WindowLayout layout;
    int64_t cell = 16;  // pixels of a token's side
};

std::span<const Metric> grid_metrics();
std::unique_ptr<Meter> grid_meter(const FilmShape& shape, const FilmWindows& windows);

}  // namespace t3video::evaluation
