// The names in LoRA files, taken apart.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

// What a tensor of such a file is to its module. Matrices of LoRA; of LoHa (two products, multiplied element by
// element); of LoKr (a Kronecker product of two factors, each whole or a product); DoRA's magnitude; differences of
// weight, bias and modulation, and of whatever tensor bears the module's name.
enum class LoraRole {
    down,
    mid,
    up,
    up_bias,
    hada_1a,
    hada_1b,
    hada_1t,
    hada_2a,
    hada_2b,
    hada_2t,
    kron_1,
    kron_1a,
    kron_1b,
    kron_2,
    kron_2a,
    kron_2b,
    kron_2t,
    magnitude,
    alpha,
    difference,
    norm_weight,
    bias,
    modulation
};

struct LoraKey {
    std::string module;  // as the file spells it, without the prefixes that are known
    LoraRole role;
};

// A key's module and role; nothing for a key of another form.
std::optional<LoraKey> parse_lora_key(const std::string& key);

// Whose key it looks like, for messages, such as "LoKr in kohya's names"; empty for none that is known.
std::string lora_dialect(const std::string& key);

struct LoraPart {
    std::string key;  // in the file, for messages
    Stored value;
};
// What a file says about one module.
using LoraModule = std::map<LoraRole, LoraPart>;

// The part, or null where the file has none.
const LoraPart* find(const LoraModule& module, LoraRole role);

// The file's modules by name. Throws InvalidRequest naming file and key for a key of another form, one that appears
// under two names, and one that holds no floats (alphas may be numbers of any type).
std::map<std::string, LoraModule> lora_modules(const TensorSource& file);

}  // namespace t3video::checkpoint
