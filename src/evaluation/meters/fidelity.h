// How near a film is to a reference, pixel by pixel: PSNR, SSIM, MS-SSIM.
#pragma once

#include <memory>
#include <span>

#include "evaluation/meter.h"
#include "evaluation/results.h"

namespace t3video::evaluation {

std::span<const Metric> fidelity_metrics();
std::unique_ptr<Meter> fidelity_meter(const FilmShape& shape);

}  // namespace t3video::evaluation
