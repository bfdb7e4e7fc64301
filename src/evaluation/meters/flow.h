// Motion, and what is left of a frame's difference to the next once motion is undone: by dense optical flow (DIS).
#pragma once

#include <memory>
#include <span>

#include "evaluation/meter.h"
#include "evaluation/results.h"

namespace t3video::evaluation {

std::span<const Metric> flow_metrics();
// Null where OpenCV is absent.
std::unique_ptr<Meter> flow_meter(const FilmShape& shape);

}  // namespace t3video::evaluation
