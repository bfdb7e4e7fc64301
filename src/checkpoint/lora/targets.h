// Where the names in a LoRA file lead in a model.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "checkpoint/lora/keys.h"
#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

// The name that another layout has for a tensor of the model; empty where it has the same.
using OtherName = std::function<std::string(const std::string&)>;

// Names are compared with '.' and '_' alike, since kohya's have no dots: "blocks_0_ffn_2" is "blocks.0.ffn.2". In front
// of a name may stand any prefix that all names of the file have ("net.", "lora_wan_"), unless it says that the blocks
// behind it are another network's ("vace_").
class Targets {
  public:
    // `file`: for messages.
    Targets(TensorSource& source, const OtherName& other, std::string file);

    // Null for a name that leads nowhere.
    Stored* find(const std::string& module, LoraRole role);

    // The same, and throws InvalidRequest naming the key, the model, and whose key it looks like.
    Stored& at(const std::string& module, LoraRole role, const std::string& key);

    // Throws InvalidRequest where some of the names that were found have a prefix and some have not, or another.
    void check_prefixes() const;

  private:
    using Names = std::map<std::string, std::string>;  // without dots -> the model's tensor

    const Names& names_for(LoraRole role) const;
    std::optional<std::string> lookup(const Names& names, const std::string& module);

    TensorSource& source_;
    std::string file_;
    Names weights_, biases_, modulations_, tensors_;  // by module; the last by whole names
    std::map<std::string, std::string> prefixes_;     // of the names found, with one of the names
};

}  // namespace t3video::checkpoint
