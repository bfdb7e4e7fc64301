// What PEFT writes beside a LoRA's matrices: alpha for all modules, or by patterns of their names.
#pragma once

#include <cstdint>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

// A pattern of module names, as PEFT compares them: a regular expression for the whole name, or, unless it begins with
// '^', for what is behind one of its dots.
class ModulePattern {
  public:
    // Throws InvalidRequest beginning with `where` for one that cannot be read.
    ModulePattern(std::string text, const std::string& where);
    bool matches(const std::string& module) const;

  private:
    std::string text_;
    std::optional<std::regex> regex_;  // where the text is more than a name
};

class LoraSettings {
  public:
    // From the file's metadata ("lora_adapter_metadata") or, for names of "base_model.model.", from adapter_config.json
    // beside it; without either every scale is 1. Throws InvalidRequest for settings that are not understood.
    static LoraSettings of(const TensorSource& file);

    // alpha/rank, or alpha/sqrt(rank) where "use_rslora" says so, of a module that has no alpha of its own.
    double scale(const std::string& module, int64_t rank) const;

  private:
    static LoraSettings read(const std::string& text, const std::string& where);

    struct OwnAlpha {
        ModulePattern modules;
        double alpha;
    };
    double alpha_ = 0;  // 0: none is given
    bool by_root_ = false;
    std::vector<OwnAlpha> own_;  // the first that matches counts
};

}  // namespace t3video::checkpoint
