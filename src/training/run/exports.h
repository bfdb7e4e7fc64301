// What a run gives to others: weights under names that programs load, with the windows that they learned.
#pragma once

#include <filesystem>
#include <string>

#include "training/run/options.h"

namespace t3video::training {

struct Exported {
    std::filesystem::path file;    // of weights
    std::filesystem::path layout;  // t3-layout.json beside it
};

// Of all weights: FOLDER/model/diffusion_pytorch_model.safetensors with config.json; of adapters:
// FOLDER/lora/lora.safetensors. With a mean of the weights that mean is written. `layout` is written as it is, full
// attention too: a folder of the base's may have another one. Throws WriteError.
Exported export_run(Context& ctx, Trainer& trainer, const RunOptions& options, const t3::WindowLayout& layout,
                    const std::filesystem::path& folder);

}  // namespace t3video::training
