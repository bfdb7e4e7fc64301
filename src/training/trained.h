// Which parameters of a transformer are trained: all of them, or adapters beside its linear maps.
#pragma once

#include <string>
#include <vector>

#include "models/wan_dit/model.h"

namespace t3video::training {

// LoRA. Targets are ends of names of linear maps of the blocks, such as "self_attn.q": of a name's last parts, whole.
struct AdapterOptions {
    int64_t rank = 32;
    double alpha = 0;  // the scale is alpha / rank; 0: as the rank
    std::vector<std::string> targets{"q", "k", "v", "o", "ffn.0", "ffn.2"};
    uint64_t seed = 0;
};

// All parameters, as f32 numbers on the context's device (nn::make_trainable). Before the model is prepared there.
void train_all(Context& ctx, models::WanDit& dit);

// Adapters at all targets, down matrices uniform within 1/sqrt(in) (Kaiming's bound, as PEFT makes them), up matrices
// zero: what the model computes is unchanged. All else stays frozen. Returns how many. Throws InvalidRequest for a rank
// below 1 and for a target that no layer has.
int64_t train_adapters(Context& ctx, models::WanDit& dit, const AdapterOptions& options);

// How many numbers are trained.
int64_t trained_numbers(models::WanDit& dit);

}  // namespace t3video::training
