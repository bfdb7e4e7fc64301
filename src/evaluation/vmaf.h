// VMAF by Netflix's own program, where the machine has one: `vmaf`, or an ffmpeg with its filter libvmaf.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "evaluation/meter.h"
#include "evaluation/results.h"

namespace t3video::evaluation {

std::span<const Metric> vmaf_metrics();

// The path of an ffmpeg with the filter, else of `vmaf`; nothing where the machine has neither. Runs ffmpeg to ask it.
std::optional<std::string> find_vmaf();

// Both films as files that the program reads: ffmpeg reads any video, vmaf .y4m. Frames are compared by their number,
// until the shorter film ends. Other kinds give a value without a number, whose note says so; so does a program that
// fails, whatever it leaves in place of its log. Throws Stopped.
Value measure_vmaf(const std::string& program, const std::filesystem::path& film,
                   const std::filesystem::path& reference, double seconds, const std::stop_token& stop = {});

}  // namespace t3video::evaluation
