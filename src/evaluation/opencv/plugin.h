// Meters that take OpenCV stand in a shared library of their own, which is loaded when a film is measured: OpenCV's
// video module brings another copy of the protobuf library than SentencePiece does, with the same names, so that both
// cannot be linked into one program. Nothing else then needs OpenCV on the machine, and no other command waits for it
// to load.
#pragma once

#include <memory>

#include "evaluation/meter.h"
#include "evaluation/results.h"

namespace t3video::evaluation {

// What the library gives out, by the names below: a new meter of a film, whose values are of `metrics`.
using MakeMeter = Meter*(const FilmShape& shape, const Metric* metrics);

constexpr const char* kFlowMeter = "t3video_flow_meter";
constexpr const char* kSpectrumMeter = "t3video_spectrum_meter";

// Null where the library is not there: beside the program in lib/, or in ../lib/t3video/, or where it does not load.
std::unique_ptr<Meter> plugin_meter(const char* name, const FilmShape& shape, const Metric* metrics);

}  // namespace t3video::evaluation
