// Whether a film's colours wander.
#pragma once

#include <memory>
#include <span>

#include "evaluation/meter.h"
#include "evaluation/results.h"

namespace t3video::evaluation {

std::span<const Metric> colour_metrics();
std::unique_ptr<Meter> colour_meter(const FilmShape& shape);

}  // namespace t3video::evaluation
