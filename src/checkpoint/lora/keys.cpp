// Prefixes and endings of the keys of LoRA files, and whose they are.
#include "checkpoint/lora/keys.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "checkpoint/checks.h"
#include "checkpoint/lora/lora.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

// Prefixes that any file may have, on some of its names or all, one after another.
constexpr std::string_view kPrefixes[] = {
    "base_model.model.", "model.diffusion_model.", "diffusion_model.", "transformer.", "pipe.dit.", "lora_unet__",
    "lora_unet_",        "lora_transformer_",      "lycoris_",
};

// An ending of keys. Matrices may have an adapter's name and ".weight" behind it ("lora_A.default.weight").
struct Ending {
    std::string_view text;
    LoraRole role;
    bool matrix = true;
};
constexpr Ending kEndings[] = {
    {".lora_A", LoraRole::down},
    {".lora_B", LoraRole::up},
    {".lora_down", LoraRole::down},
    {".lora_mid", LoraRole::mid},
    {".lora_up", LoraRole::up},
    {".lora.down", LoraRole::down},
    {".lora.up", LoraRole::up},
    {".lora_linear_layer.down", LoraRole::down},
    {".lora_linear_layer.up", LoraRole::up},
    {".hada_w1_a", LoraRole::hada_1a},
    {".hada_w1_b", LoraRole::hada_1b},
    {".hada_t1", LoraRole::hada_1t},
    {".hada_w2_a", LoraRole::hada_2a},
    {".hada_w2_b", LoraRole::hada_2b},
    {".hada_t2", LoraRole::hada_2t},
    {".lokr_w1", LoraRole::kron_1},
    {".lokr_w1_a", LoraRole::kron_1a},
    {".lokr_w1_b", LoraRole::kron_1b},
    {".lokr_w2", LoraRole::kron_2},
    {".lokr_w2_a", LoraRole::kron_2a},
    {".lokr_w2_b", LoraRole::kron_2b},
    {".lokr_t2", LoraRole::kron_2t},
    {".lora_magnitude_vector", LoraRole::magnitude},
    {".dora_scale", LoraRole::magnitude},
    {".alpha", LoraRole::alpha, false},
    {".diff", LoraRole::difference, false},
    {".diff_b", LoraRole::bias, false},
    {".diff_m", LoraRole::modulation, false},
    {".w_norm", LoraRole::norm_weight, false},
    {".b_norm", LoraRole::bias, false},
};

std::string_view without_prefixes(std::string_view key) {
    for (const std::string_view prefix : kPrefixes) {
        if (key.starts_with(prefix)) key.remove_prefix(prefix.size());
    }
    return key;
}

// The role of `rest`, what stands behind an ending: nothing, "weight", "ADAPTER" or "ADAPTER.weight"; "bias" likewise.
std::optional<LoraRole> role_with(std::string_view rest, const Ending& ending) {
    if (rest.empty()) return ending.role;
    if (rest[0] != '.' || !ending.matrix || std::ranges::count(rest, '.') > 2) return std::nullopt;
    const std::string_view last = rest.substr(rest.rfind('.') + 1);
    if (last.empty() || (std::ranges::count(rest, '.') == 2 && last != "weight" && last != "bias")) return std::nullopt;
    if (last == "alpha") return LoraRole::alpha;
    if (last != "bias") return ending.role;
    return ending.role == LoraRole::up ? std::optional(LoraRole::up_bias) : std::nullopt;
}

struct Mark {
    std::string_view text, meaning;
};
// Methods and spellings, by what keys have in them: the first that is found counts.
constexpr Mark kMethods[] = {
    {".lokr_", "LoKr"},
    {".hada_", "LoHa"},
    {"dora_scale", "DoRA"},
    {"magnitude", "DoRA"},
    {".oft_", "OFT"},
    {".boft_", "BOFT"},
    {".a1.weight", "GLoRA"},
    {".b1.weight", "GLoRA"},
    {".on_input", "(IA)^3"},
    {"vera_lambda", "VeRA"},
    {".lora_E", "AdaLoRA"},
    {"lora_embedding", "a LoRA of an embedding"},
    {".set_weight", "a weight to put in place"},
};
constexpr Mark kSpellings[] = {
    {"lora_te", "kohya's names of a text encoder"},
    {"lycoris_", "LyCORIS's names"},
    {"lora_unet_", "kohya's names"},
    {"lora_transformer_", "kohya's names"},
    {"base_model.model.", "PEFT's names"},
    {".attn1.", "diffusers' names"},
    {"diffusion_model.", "ComfyUI's names"},
    {"pipe.", "DiffSynth's names"},
};
// Other models, and what a text-to-video model of Wan has not.
constexpr Mark kModels[] = {
    {"single_transformer_blocks", "FLUX"},
    {"double_blocks", "HunyuanVideo or FLUX"},
    {"single_blocks", "HunyuanVideo or FLUX"},
    {"transformer_blocks", "LTX-Video, CogVideoX or Qwen-Image"},
    {"down_blocks", "Stable Diffusion"},
    {"up_blocks", "Stable Diffusion"},
    {"mid_block", "Stable Diffusion"},
    {"input_blocks", "Stable Diffusion"},
    {"output_blocks", "Stable Diffusion"},
    {"transformer_2", "Wan2.2 A14B's second transformer"},
    {"vace_blocks", "Wan VACE"},
    {"k_img", "Wan image-to-video"},
    {"v_img", "Wan image-to-video"},
    {"img_emb", "Wan image-to-video"},
    {"add_k_proj", "Wan image-to-video"},
    {"add_v_proj", "Wan image-to-video"},
    {"image_embedder", "Wan image-to-video"},
};

template <size_t N>
std::string_view meaning_of(const std::string& key, const Mark (&marks)[N]) {
    const auto* found = std::ranges::find_if(marks, [&](const Mark& mark) { return key.find(mark.text) != key.npos; });
    return found == std::end(marks) ? std::string_view() : found->meaning;
}

}  // namespace

std::optional<LoraKey> parse_lora_key(const std::string& key) {
    const std::string_view plain = without_prefixes(key);
    for (const Ending& ending : kEndings) {
        const size_t at = plain.rfind(ending.text);
        if (at == std::string_view::npos || at == 0) continue;
        if (const auto role = role_with(plain.substr(at + ending.text.size()), ending))
            return LoraKey{std::string(plain.substr(0, at)), *role};
    }
    return std::nullopt;
}

bool is_lora_key(const std::string& name) {
    return parse_lora_key(name).has_value();
}

std::string lora_dialect(const std::string& key) {
    const std::string_view method = meaning_of(key, kMethods), spelling = meaning_of(key, kSpellings),
                           model = meaning_of(key, kModels);
    std::string text(method);
    if (!spelling.empty()) text += concat(text.empty() ? "" : " in ", spelling);
    if (!model.empty()) text += concat(text.empty() ? "names" : "", " of ", model);
    return text;
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
        const std::string dialect = lora_dialect(key);
        require_valid(parsed.has_value(), where, ": ", quote(key), " is no key of a LoRA file that is read",
                      dialect.empty() ? "" : concat("; it looks like ", dialect),
                      " (read are LoRA, DoRA, LoHa, LoKr and differences)");
        require_valid(stored.tensor.is_float() || parsed->role == LoraRole::alpha, where, ": ", quote(key), " holds ",
                      stored.tensor.type_name(), ", expected floats");
        const bool first = modules[parsed->module].try_emplace(parsed->role, LoraPart{key, stored.tensor}).second;
        require_valid(first, where, ": ", quote(key), " is there twice, under different prefixes or adapters");
    }
    return modules;
}

}  // namespace t3video::checkpoint
