// Reading PEFT's settings.
#include "checkpoint/lora/settings.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
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
    for (const auto& entry : settings.items()) {
        const bool is = entry.key() == name || entry.key().ends_with("." + name);
        if (is && !entry.value().is_null()) return &entry.value();
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
    const bool beside = raw || file.path.stem() == "adapter_model";
    if (beside && is_file(config)) return read(read_text_file(config, "a LoRA's configuration"), config.string());
    LoraSettings none;
    none.missing_ = raw;
    return none;
}

LoraSettings LoraSettings::read(const std::string& text, const std::string& where) {
    json root = parse_ordered_json(text, where);
    require_valid(root.is_object(), where, ": not a JSON object");
    const bool nested = root.size() == 1 && root.front().is_object() && root.front().contains("lora_alpha");
    if (nested) root = json(root.front());  // all under "transformer"
    LoraSettings s;
    const auto read_number = [&](const char* name) -> std::optional<double> {
        const json* found = setting(root, name);
        return found ? std::optional(number(*found, name, where)) : std::nullopt;
    };
    const auto read_patterns = [&](const char* name) {
        Patterns patterns;
        const json* found = setting(root, name);
        if (!found) return patterns;
        require_valid(found->is_object() && found->size() <= kMostPatterns, where, ": ", quote(name),
                      " is no object of up to ", kMostPatterns, " numbers");
        for (const auto& [pattern, value] : found->items())
            patterns.push_back({ModulePattern(pattern, where), number(value, pattern, where)});
        return patterns;
    };
    s.alpha_ = read_number("lora_alpha");
    if (!s.alpha_) s.alpha_ = read_number("alpha");  // of PEFT's LoHa and LoKr
    s.rank_ = read_number("r");
    s.by_root_ = read_number("use_rslora").value_or(0) != 0;
    s.dora_ = read_number("use_dora").value_or(0) != 0;
    s.alphas_ = read_patterns("alpha_pattern");
    s.ranks_ = read_patterns("rank_pattern");
    if (const json* start = setting(root, "init_lora_weights"); start && start->is_string()) {
        const auto name = start->get<std::string>();
        const bool changes_base = name.starts_with("pissa") || name == "olora" || name == "corda" || name == "loftq";
        require_valid(!changes_base, where, ": the LoRA began as ", quote(name),
                      ", which changes the weights it is for; let PEFT save it for the weights as they were "
                      "(path_initial_model_for_weight_conversion)");
    }
    return s;
}

double LoraSettings::scale(const std::string& module, int64_t rank) const {
    const auto value = [&](const Patterns& patterns, const std::optional<double>& of_all) {
        const auto own = std::ranges::find_if(patterns, [&](const Pattern& p) { return p.modules.matches(module); });
        return own == patterns.end() ? of_all : std::optional(own->value);
    };
    const std::optional<double> alpha = value(alphas_, alpha_), stated = value(ranks_, rank_);
    const double divisor = rank > 0 ? double(rank) : stated.value_or(0);
    if (!alpha || divisor <= 0) return 1;
    return *alpha / (by_root_ ? std::sqrt(divisor) : divisor);
}

ModulePattern::ModulePattern(std::string text, const std::string& where) : text_(std::move(text)) {
    if (text_.find_first_of("\\^$*+?()[]{}|") == std::string::npos) return;  // a dot alone is meant as one
    require_valid(text_.size() <= kLongestName, where, ": ", quote(text_), " is a pattern of more than ", kLongestName,
                  " characters");
    // Python's other escapes (\\A, \\Z) would be letters here.
    for (size_t at = text_.find('\\'); at != std::string::npos; at = text_.find('\\', at + 2)) {
        const char next = at + 1 < text_.size() ? text_[at + 1] : ' ';
        const bool known = !std::isalnum(static_cast<unsigned char>(next)) || std::strchr("dDwWsSbB", next);
        require_valid(known, where, ": ", quote(text_), " is no pattern of names that can be read");
    }
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
