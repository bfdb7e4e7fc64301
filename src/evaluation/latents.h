// How far latents are from others: the same noise and prompt under two kinds of attention.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "evaluation/meter.h"
#include "evaluation/results.h"

namespace t3video::evaluation {

std::span<const Metric> latent_metrics();

// Whether the path is a file of latents: a safetensors file with a tensor "latents", or, as in a job's folder, "x".
bool is_latents(const std::filesystem::path& path);
// Its grid: width and height in latent pixels, frames in latent frames. The tensor is [channels, T, H, W] of f32, f16
// or bf16, or [1, channels, T, H, W]. Throws InvalidRequest for another file.
FilmShape latent_shape(const std::filesystem::path& path);
// Reads all of them. Throws InvalidRequest as latent_shape does, and for values that are no numbers.
void check_latents(const std::filesystem::path& path);
// Throws InvalidRequest, naming the file, for files that are no latents, of other shapes, or with values that are no
// numbers.
std::vector<Value> compare_latents(const std::filesystem::path& latents, const std::filesystem::path& reference);

}  // namespace t3video::evaluation
