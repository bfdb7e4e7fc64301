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
    // From the file's metadata ("lora_adapter_metadata") or, for names of "base_model.model." and files called
    // adapter_model, from adapter_config.json beside it; without either every scale is 1. Throws InvalidRequest for
    // settings that are not understood, and for a LoRA that was trained against weights which its beginning changed.
    static LoraSettings of(const TensorSource& file);

    // alpha/rank, or alpha/sqrt(rank) where "use_rslora" says so, of a module that has no alpha of its own. `rank` 0:
    // of a LoKr without one, which PEFT scales by its settings' rank.
    double scale(const std::string& module, int64_t rank) const;
    // Whether the names are those of a raw PEFT model whose configuration is missing.
    bool are_missing() const { return missing_; }
    bool say_dora() const { return dora_; }

  private:
    static LoraSettings read(const std::string& text, const std::string& where);

    struct Pattern {
        ModulePattern modules;
        double value;
    };
    using Patterns = std::vector<Pattern>;  // the first that matches counts

    std::optional<double> alpha_, rank_;
    Patterns alphas_, ranks_;
    bool by_root_ = false, missing_ = false, dora_ = false;
};

}  // namespace t3video::checkpoint
