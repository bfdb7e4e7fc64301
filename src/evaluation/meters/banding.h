// Steps in what should be smooth gradients.
#pragma once

#include <memory>
#include <span>

#include "evaluation/meter.h"
#include "evaluation/results.h"

namespace t3video::evaluation {

std::span<const Metric> banding_metrics();
std::unique_ptr<Meter> banding_meter(const FilmShape& shape);

}  // namespace t3video::evaluation
