// LoRA files: updates of some weights of a model, in the styles of the programs that make them.
//
// W + weight * alpha/rank * up * down, in f32, whenever W is decoded: W is not copied, its update's two matrices are,
// and there is one rounding where the result has a narrower type.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

struct Lora {
    std::filesystem::path file;
    double weight = 1;
};

// The model's own name of a tensor under the names of another layout; empty for one that it does not know.
using OfficialName = std::function<std::string(const std::string&)>;

// What a LoRA file holds, for display.
struct LoraSummary {
    int64_t modules = 0;      // weights with a down and an up matrix
    int64_t differences = 0;  // weights, biases and modulations with a difference of their own shape
    int64_t least_rank = 0, most_rank = 0;
};

// Whether a tensor's name is one of LoRA files.
bool is_lora_key(const std::string& name);

// Puts the file's updates on tensors of `source`, which bear the model's own names. Understood are keys
//
//   MODULE.lora_A.weight (or .lora_A.ADAPTER.weight, .lora_down.weight)  [rank, in]
//   MODULE.lora_B.weight (or .lora_B.ADAPTER.weight, .lora_up.weight)    [out, rank]
//   MODULE.alpha                                                         the scale is alpha/rank instead of 1
//   MODULE.lora_B.bias                                                   added to the bias, with the same scale
//   MODULE.diff, MODULE.diff_b, MODULE.diff_m                            added to weight, bias, modulation
//
// where MODULE has the model's own names or another layout's, "diffusion_model.", "model.diffusion_model.",
// "transformer." or "base_model.model." in front of it, or is "lora_unet_" and the model's own name with underscores.
// Without alphas, lora_alpha of the metadata ("lora_adapter_metadata") or, for names of "base_model.model.", of
// adapter_config.json beside the file takes their place. Throws InvalidRequest naming file and key for a key that is
// none of these or matches no tensor of the model, for a matrix without its partner, and for shapes that do not fit.
LoraSummary apply_lora(TensorSource& source, const Lora& lora, const OfficialName& official);

// The same without a model to check against.
LoraSummary summarise_lora(const std::filesystem::path& file);

}  // namespace t3video::checkpoint
