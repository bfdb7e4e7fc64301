// Prefixes, suffixes and settings of LoRA files.
#include "checkpoint/lora_keys.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "checkpoint/checks.h"
#include "checkpoint/json_text.h"
#include "checkpoint/lora.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/paths.h"

namespace t3video::checkpoint {
namespace {

constexpr std::string_view kRawModel = "base_model.model.";
constexpr std::string_view kPrefixes[] = {kRawModel, "model.diffusion_model.", "diffusion_model.", "transformer."};

constexpr std::pair<std::string_view, LoraRole> kEndings[] = {
    {".lora_down.weight", LoraRole::down}, {".lora_up.weight", LoraRole::up}, {".alpha", LoraRole::alpha},
    {".diff", LoraRole::weight},           {".diff_b", LoraRole::bias},       {".diff_m", LoraRole::modulation},
};

std::string_view without_prefixes(std::string_view key) {
    for (const std::string_view prefix : kPrefixes) {
        if (key.starts_with(prefix)) key.remove_prefix(prefix.size());
    }
    return key;
}

// "MODULE.lora_A.weight", "MODULE.lora_A.ADAPTER.weight", and the same of lora_B.
std::optional<LoraKey> parse_adapter(std::string_view key) {
    for (const auto& [mark, matrix] : {std::pair{".lora_A.", LoraRole::down}, std::pair{".lora_B.", LoraRole::up}}) {
        const size_t at = key.find(mark);
        if (at == std::string_view::npos || at == 0) continue;
        const std::string_view rest = key.substr(at + 8), last = rest.substr(rest.rfind('.') + 1);
        const auto dots = std::ranges::count(rest, '.');
        if (dots > 1) continue;
        if (last == "weight") return LoraKey{std::string(key.substr(0, at)), matrix};
        if (last == "bias" && matrix == LoraRole::up) return LoraKey{std::string(key.substr(0, at)), LoraRole::up_bias};
    }
    return std::nullopt;
}

void check_matrices(const LoraModule& m, const std::string& name, const std::string& where) {
    const LoraPart *down = find(m, LoraRole::down), *up = find(m, LoraRole::up), *alpha = find(m, LoraRole::alpha);
    require_valid((down != nullptr) == (up != nullptr), where, ": ", quote(name), " has ",
                  down ? "a down matrix (lora_A) but no up matrix (lora_B)"
                       : "an up matrix (lora_B) but no down matrix (lora_A)");
    if (!down) {
        for (const LoraPart* part : {alpha, find(m, LoraRole::up_bias)})
            require_valid(!part, where, ": ", quote(part ? part->key : ""), " belongs to no matrices");
        return;
    }
    const Stored &a = down->value, &b = up->value;
    require_valid(a.rank() == 2 && b.rank() == 2 && a.dim(0) == b.dim(1) && a.dim(0) > 0, where, ": ", quote(name),
                  " has a down matrix ", a.shape(), " and an up matrix ", b.shape(),
                  ", expected [rank, in] and [out, rank]");
    require_valid(!alpha || alpha->value.numel() == 1, where, ": the alpha of ", quote(name), " has shape ",
                  alpha ? alpha->value.shape() : Shape(), ", expected one number");
}

// A setting of PEFT, with or without a prefix such as "transformer.".
double setting(const nlohmann::json& settings, const std::string& name, double fallback, const std::string& where) {
    for (const std::string& key : {name, "transformer." + name}) {
        const auto found = settings.find(key);
        if (found == settings.end() || found->is_null()) continue;
        require_valid(found->is_number() || found->is_boolean(), where, ": '", key, "' is not a number");
        return found->is_boolean() ? static_cast<double>(found->get<bool>()) : found->get<double>();
    }
    return fallback;
}

std::function<double(int64_t)> scale_from(const std::string& text, const std::string& where) {
    const nlohmann::json settings = parse_json(text, where);
    require_valid(settings.is_object(), where, ": not a JSON object");
    for (const char* pattern : {"alpha_pattern", "transformer.alpha_pattern"}) {  // ranks follow from the matrices
        const auto found = settings.find(pattern);
        require_valid(found == settings.end() || found->empty(), where, ": '", pattern,
                      "' gives modules an alpha of their own, which is not supported");
    }
    const double alpha = setting(settings, "lora_alpha", 0, where);
    const bool by_root = setting(settings, "use_rslora", 0, where) != 0;
    require_valid(alpha >= 0 && std::isfinite(alpha), where, ": 'lora_alpha' is ", alpha);
    if (alpha == 0) return [](int64_t) { return 1.0; };
    return [=](int64_t rank) { return alpha / (by_root ? std::sqrt(double(rank)) : double(rank)); };
}

}  // namespace

std::optional<LoraKey> parse_lora_key(const std::string& key) {
    const std::string_view plain = without_prefixes(key);
    if (auto adapter = parse_adapter(plain)) return adapter;
    for (const auto& [ending, role] : kEndings) {
        if (plain.size() > ending.size() && plain.ends_with(ending))
            return LoraKey{std::string(plain.substr(0, plain.size() - ending.size())), role};
    }
    return std::nullopt;
}

bool is_lora_key(const std::string& name) {
    return parse_lora_key(name).has_value();
}

const LoraPart* find(const LoraModule& module, LoraRole role) {
    const auto found = module.find(role);
    return found == module.end() ? nullptr : &found->second;
}

std::map<std::string, LoraModule> lora_modules(const TensorSource& file) {
    const std::string where = file.path.string();
    require_valid(!file.tensors.empty(), where, ": holds no tensors; expected a LoRA file");
    std::map<std::string, LoraModule> modules;
    for (const auto& [key, stored] : file.tensors) {
        const auto parsed = parse_lora_key(key);
        require_valid(parsed.has_value(), where, ": ", quote(key),
                      " is no key of a LoRA file (lora_A/lora_B, lora_down/lora_up, alpha, diff, diff_b, diff_m)");
        require_valid(stored.tensor.is_float(), where, ": ", quote(key), " holds ", stored.tensor.type_name(),
                      ", expected floats");
        const bool first = modules[parsed->module].try_emplace(parsed->role, LoraPart{key, stored.tensor}).second;
        require_valid(first, where, ": ", quote(key), " is there twice, under different prefixes or adapters");
    }
    for (const auto& [name, module] : modules) check_matrices(module, name, where);
    return modules;
}

std::function<double(int64_t)> default_scale(const TensorSource& file) {
    if (const auto found = file.metadata.find("lora_adapter_metadata"); found != file.metadata.end())
        return scale_from(found->second, concat(file.path.string(), ": lora_adapter_metadata"));
    const auto config = file.path.parent_path() / "adapter_config.json";
    const bool raw =
        std::ranges::any_of(file.tensors, [](const auto& entry) { return entry.first.starts_with(kRawModel); });
    if (raw && is_file(config)) return scale_from(read_text_file(config, "a LoRA's configuration"), config.string());
    return [](int64_t) { return 1.0; };
}

}  // namespace t3video::checkpoint
