// Reading PEFT's settings.
#include "checkpoint/lora/settings.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "checkpoint/checks.h"
#include "checkpoint/json_text.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/paths.h"

namespace t3video::checkpoint {
namespace {

using json = nlohmann::ordered_json;  // the first pattern that matches counts

constexpr size_t kLongestName = 512, kMostPatterns = 4096;

// A setting, with or without a prefix such as "transformer."; null where there is none.
const json* setting(const json& settings, const std::string& name) {
    for (const std::string& key : {name, "transformer." + name}) {
        const auto found = settings.find(key);
        if (found != settings.end() && !found->is_null()) return &*found;
    }
    return nullptr;
}

double number(const json& value, const std::string& name, const std::string& where) {
    require_valid(value.is_number() || value.is_boolean(), where, ": ", quote(name), " is not a number");
    const double number = value.is_boolean() ? static_cast<double>(value.get<bool>()) : value.get<double>();
    require_valid(number >= 0 && std::isfinite(number), where, ": ", quote(name), " is ", number);
    return number;
}

}  // namespace

LoraSettings LoraSettings::of(const TensorSource& file) {
    if (const auto found = file.metadata.find("lora_adapter_metadata"); found != file.metadata.end())
        return read(found->second, concat(file.path.string(), ": lora_adapter_metadata"));
    const auto config = file.path.parent_path() / "adapter_config.json";
    const bool raw = std::ranges::any_of(
        file.tensors, [](const auto& entry) { return entry.first.starts_with("base_model.model."); });
    if (raw && is_file(config)) return read(read_text_file(config, "a LoRA's configuration"), config.string());
    return {};
}

LoraSettings LoraSettings::read(const std::string& text, const std::string& where) {
    const json root = parse_ordered_json(text, where);
    require_valid(root.is_object(), where, ": not a JSON object");
    LoraSettings s;
    const auto read_number = [&](const char* name) {
        const json* found = setting(root, name);
        return found ? number(*found, name, where) : 0;
    };
    s.alpha_ = read_number("lora_alpha");
    if (s.alpha_ == 0) s.alpha_ = read_number("alpha");  // of PEFT's LoHa and LoKr
    s.by_root_ = read_number("use_rslora") != 0;
    if (const json* patterns = setting(root, "alpha_pattern")) {  // ranks follow from the matrices
        require_valid(patterns->is_object() && patterns->size() <= kMostPatterns, where,
                      ": 'alpha_pattern' is no object of up to ", kMostPatterns, " numbers");
        for (const auto& [pattern, alpha] : patterns->items())
            s.own_.push_back({ModulePattern(pattern, where), number(alpha, pattern, where)});
    }
    return s;
}

double LoraSettings::scale(const std::string& module, int64_t rank) const {
    const auto own = std::ranges::find_if(own_, [&](const OwnAlpha& o) { return o.modules.matches(module); });
    const double alpha = own == own_.end() ? alpha_ : own->alpha;
    if (alpha == 0 || rank == 0) return 1;
    return alpha / (by_root_ ? std::sqrt(double(rank)) : double(rank));
}

ModulePattern::ModulePattern(std::string text, const std::string& where) : text_(std::move(text)) {
    if (text_.find_first_of("\\^$*+?()[]{}|") == std::string::npos) return;  // a dot alone is meant as one
    require_valid(text_.size() <= kLongestName, where, ": ", quote(text_), " is a pattern of more than ", kLongestName,
                  " characters");
    try {
        // __polynomial: time that grows with the square of the text at most, whatever the pattern.
        const auto kind = std::regex::ECMAScript | std::regex_constants::__polynomial;
        regex_.emplace(text_.starts_with('^') ? text_.substr(1) : "(.*\\.)?(" + text_ + ")", kind);
    } catch (const std::regex_error&) {
        throw InvalidRequest(concat(where, ": ", quote(text_), " is no pattern of names that can be read"));
    }
}

bool ModulePattern::matches(const std::string& module) const {
    if (!regex_) return module == text_ || module.ends_with("." + text_);
    return module.size() <= kLongestName && std::regex_match(module, *regex_);
}

}  // namespace t3video::checkpoint
