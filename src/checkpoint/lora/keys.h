// The names in LoRA files, taken apart.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

enum class LoraRole { down, up, up_bias, alpha, weight, bias, modulation };  // the last three: differences

struct LoraKey {
    std::string module;
    LoraRole role;
};

// A key's module, without any prefix, and role; nothing for a key of another form.
std::optional<LoraKey> parse_lora_key(const std::string& key);

struct LoraPart {
    std::string key;  // in the file, for messages
    Stored value;
};
// What a file says about one module.
using LoraModule = std::map<LoraRole, LoraPart>;

// The part, or null where the file has none.
const LoraPart* find(const LoraModule& module, LoraRole role);

// The file's modules by name. Throws InvalidRequest naming file and key for a key of another form, one that appears
// under two names, and a down or up matrix without its partner or with another rank.
std::map<std::string, LoraModule> lora_modules(const TensorSource& file);

// alpha/rank of all modules that have no alpha of their own, from a module's rank, as the file's metadata or
// adapter_config.json says it; 1 where neither does.
std::function<double(int64_t rank)> default_scale(const TensorSource& file);

}  // namespace t3video::checkpoint
