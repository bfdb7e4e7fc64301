// What happens from one frame to the next: flicker where nothing moves, frames that stand still, leaps.
#pragma once

#include <memory>
#include <span>

#include "evaluation/meter.h"
#include "evaluation/results.h"

namespace t3video::evaluation {

std::span<const Metric> stillness_metrics();
std::unique_ptr<Meter> stillness_meter(const FilmShape& shape);

}  // namespace t3video::evaluation
