// What PEFT writes beside a LoRA's matrices: alpha for all modules, or by patterns of their names.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

class LoraSettings {
  public:
    // From the file's metadata ("lora_adapter_metadata") or, for names of "base_model.model.", from adapter_config.json
    // beside it; without either every scale is 1. Throws InvalidRequest for settings that are not understood.
    static LoraSettings of(const TensorSource& file);

    // alpha/rank, or alpha/sqrt(rank) where "use_rslora" says so, of a module that has no alpha of its own.
    double scale(const std::string& module, int64_t rank) const;

  private:
    static LoraSettings read(const std::string& text, const std::string& where);

    double alpha_ = 0;  // 0: none is given
    bool by_root_ = false;
    std::vector<std::pair<std::string, double>> patterns_;  // of module names; the first that matches counts
};

// Whether PEFT's pattern is for the module: "^NAME" for it alone, any other for all that are it or end in "." and it.
// Patterns are regular expressions; throws InvalidRequest beginning with `where` for one that cannot be read.
bool matches_pattern(const std::string& pattern, const std::string& module, const std::string& where);

}  // namespace t3video::checkpoint
