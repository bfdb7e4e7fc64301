// How fine a film's details are, against the same film at half its size.
#pragma once

#include <memory>
#include <span>

#include "evaluation/meter.h"
#include "evaluation/results.h"

namespace t3video::evaluation {

std::span<const Metric> spectrum_metrics();
// Null where OpenCV is absent.
std::unique_ptr<Meter> spectrum_meter(const FilmShape& shape);

}  // namespace t3video::evaluation
