// A training run on the disk: what it goes on from, bit for bit, and what others load.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "training/trainer.h"

namespace t3video::training {

// Writes the trained parameters (f32), the optimiser's moments and mean, and its counts, as a safetensors file that
// appears under its name when it is complete. `notes`: texts of the caller's, such as where in the data the run is.
// Throws WriteError where the disk is full; an earlier file of that name is whole then.
void save_state(Context& ctx, Trainer& trainer, const std::filesystem::path& path,
                const std::map<std::string, std::string>& notes);

// Takes such a file over into a trainer made with the same options for the same model, and returns the notes. Every
// later step gives the bits that the run would have had. Throws InvalidRequest, before anything is changed, naming the
// file and what does not fit: another model, other adapters, moments of another kind, a damaged file.
std::map<std::string, std::string> load_state(Context& ctx, Trainer& trainer, const std::filesystem::path& path);

// Which weights of a run are meant.
enum class Taken { last, mean };

// Writes the transformer under Wan's own names in `type` (f32 or bf16). Throws InvalidRequest where adapters are
// trained, or no mean is kept.
void export_model(Context& ctx, Trainer& trainer, const std::filesystem::path& path, DType type,
                  Taken taken = Taken::last);

// Writes the adapters, f32, under the names that ComfyUI and diffusers' converters load:
// diffusion_model.MODULE.lora_A.weight [rank, in], .lora_B.weight [out, rank], .alpha. Throws as export_model does.
void export_adapters(Context& ctx, Trainer& trainer, const std::filesystem::path& path, Taken taken = Taken::last);

}  // namespace t3video::training
