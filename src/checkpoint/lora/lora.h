// LoRA files: updates of some weights of a model, in the styles of the programs that make them.
//
// Updates are added in f32 whenever W is decoded: W is not copied, only the update's factors are, and there is one
// rounding where the result has a narrower type.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/lora/targets.h"
#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

struct Lora {
    std::filesystem::path file;
    double weight = 1;
    bool partial = false;  // what the model has no weights for may be left out, such as image branches
};

// What a LoRA file holds, for display.
struct LoraSummary {
    int64_t modules = 0;                    // weights with factors of LoRA, LoHa or LoKr
    int64_t differences = 0;                // weights, biases and modulations with a difference of their own shape
    int64_t least_rank = 0, most_rank = 0;  // 0 to 0 where no module has a rank
    bool lora = false, loha = false, lokr = false, dora = false;  // kinds of modules that it has
    std::vector<std::string> left_out;                            // modules that the model has no weights for
    int64_t all = 0;                                              // modules and single differences, with those left out
};

// Whether a tensor's name is one of LoRA files.
bool is_lora_key(const std::string& name);

// Puts the file's updates on tensors of `source`, which bear the model's own names. Understood are keys
//
//   MODULE.lora_A, .lora_down, .lora.down          [rank, in], or a convolution's [rank, in, kernel...]
//   MODULE.lora_B, .lora_up, .lora.up              [out, rank], or [out, rank, 1...]
//   MODULE.lora_mid                                a convolution's kernel between the two (LyCORIS)
//   MODULE.hada_w1_a, hada_w1_b, hada_w2_a, ...    LoHa;  MODULE.lokr_w1, lokr_w2, lokr_w1_a, ...   LoKr (update.h)
//   MODULE.dora_scale, .lora_magnitude_vector      DoRA: magnitudes of the weight's rows, or columns
//   MODULE.alpha                                   the scale is alpha/rank instead of 1, a number of any type
//   MODULE.lora_B.bias                             added to the bias, with the same scale
//   MODULE.diff, .diff_b, .diff_m, .w_norm, .b_norm   added to weight, bias, modulation
//   TENSOR.diff                                    added to any tensor, such as "blocks.0.modulation"
//
// the first six with or without an adapter's name and ".weight" behind them. MODULE has the model's own names or
// another layout's, with prefixes as Targets (targets.h) says. Without alphas, PEFT's settings take their place
// (settings.h). Numbers may be of any type, 8-bit floats with scales too.
//
// `notes` gets a line on what was left out. Throws InvalidRequest naming file, key and what it looks like for a key
// that is none of these or, unless the LoRA is partial, matches no tensor of the model; for factors without their
// partners; for shapes that do not fit; and for a partial LoRA of which nothing fits.
LoraSummary apply_lora(TensorSource& source, const Lora& lora, const OtherName& other, Notes* notes = nullptr);

// The same without a model to check against.
LoraSummary summarise_lora(const std::filesystem::path& file);

}  // namespace t3video::checkpoint
