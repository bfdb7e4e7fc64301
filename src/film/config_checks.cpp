// Compares config.json with the weights beside it.
#include "film/config_checks.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "core/paths.h"
#include "film/settings_file.h"
#include "models/wan_vae/latent_stats.h"

namespace t3video::film {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string shortened(const json& value) {
    const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
    return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

class Check {
  public:
    Check(const fs::path& config, const fs::path& weights) : config_(config), weights_(weights) {
        if (is_file(config) && folder_above(config) == folder_above(weights)) object_ = read_any_json(config);
        if (!object_.is_object()) object_ = json::object();
    }

    bool has(const char* key) const { return object_.contains(key); }
    std::string text(const char* key) const {
        return has(key) && object_[key].is_string() ? object_[key].get<std::string>() : "";
    }
    double number(const char* key) const {
        return has(key) && object_[key].is_number() ? object_[key].get<double>() : 0;
    }
    // null leaves a size to the rest of the file.
    void size(const char* key, int64_t held) const {
        if (!has(key) || object_[key].is_null() || object_[key] == held) return;
        throw InvalidRequest(concat(config_.string(), ": \"", key, "\" is ", shortened(object_[key]), ", but ",
                                    weights_.string(), " holds ", held));
    }
    // `right`: the values that mean what this program computes, the usual one first.
    void fixed(const char* key, std::initializer_list<json> right) const {
        if (!has(key) || std::ranges::find(right, object_[key]) != right.end()) return;
        throw InvalidRequest(concat(config_.string(), ": \"", key, "\" is ", shortened(object_[key]),
                                    ", which is not followed; expected ", right.begin()->dump()));
    }
    void numbers(const char* key, std::span<const float> right) const {
        if (!has(key) || object_[key].is_null() || right.empty()) return;
        constexpr double kTolerance = 1e-4;  // published values have four digits
        const json& found = object_[key];
        bool same = found.is_array() && found.size() == right.size();
        for (size_t i = 0; same && i < right.size(); ++i)
            same = found[i].is_number() && std::abs(found[i].get<double>() - double{right[i]}) <= kTolerance;
        require_valid(same, config_.string(), ": \"", key, "\" is ", shortened(found),
                      ", which is not followed; expected the ", right.size(), " numbers that Wan was published with, ",
                      right[0], ", ", right[1], " and so on");
    }

  private:
    fs::path config_, weights_;
    json object_ = json::object();
};

}  // namespace

void check_dit_config(const fs::path& config, const fs::path& weights, const models::DitConfig& sizes) {
    const Check check(config, weights);
    const double width = check.has("dim") ? check.number("dim")
                                          : check.number("num_attention_heads") * check.number("attention_head_dim");
    if (width != 0 && width != static_cast<double>(sizes.dim)) return;
    check.size("num_layers", sizes.layers);
    check.size("ffn_dim", sizes.ffn_dim);
    for (const char* key : {"in_dim", "in_channels"}) check.size(key, sizes.in_channels);
    for (const char* key : {"out_dim", "out_channels"}) check.size(key, sizes.out_channels);
    check.size("freq_dim", sizes.freq_dim);
    check.size("text_dim", sizes.text_dim);
    check.size("text_len", models::kTextRows);
    check.fixed("patch_size", {{1, 2, 2}});
    check.fixed("qk_norm", {"rms_norm_across_heads", true});
    check.fixed("cross_attn_norm", {true});
    check.fixed("window_size", {{-1, -1}});
}

void check_encoder_config(const fs::path& weights, const models::Umt5Config& sizes) {
    const Check check(folder_above(weights) / "config.json", weights);
    if (!check.has("d_model")) return;  // an official folder's is the transformer's
    check.fixed("model_type", {"umt5"});
    check.size("num_layers", sizes.layers);
    check.size("d_model", sizes.dim);
    check.size("d_ff", sizes.ffn_dim);
    check.size("num_heads", sizes.heads);
    check.size("d_kv", sizes.inner_dim / sizes.heads);
    check.size("vocab_size", sizes.vocabulary);
    check.size("relative_attention_num_buckets", sizes.buckets);
    check.fixed("relative_attention_max_distance", {128});
    check.fixed("dense_act_fn", {"gelu_new"});
    check.fixed("feed_forward_proj", {"gated-gelu"});
    check.fixed("is_gated_act", {true});
    check.fixed("layer_norm_epsilon", {1e-6});
}

void check_vae_config(const fs::path& weights, const models::VaeConfig& sizes) {
    const Check check(folder_above(weights) / "config.json", weights);
    const bool vae =
        check.has("z_dim") || check.has("latents_mean") || check.text("_class_name").starts_with("Autoencoder");
    if (!vae) return;
    const bool wan22 = sizes.version == models::VaeVersion::wan22;
    const models::LatentStats published = models::latent_stats(sizes.z);
    check.fixed("_class_name", {"AutoencoderKLWan"});
    check.size("z_dim", sizes.z);
    check.size("base_dim", sizes.encoder.base);
    for (const char* key : {"in_channels", "out_channels"}) check.size(key, sizes.frame_channels());
    check.size("num_res_blocks", sizes.encoder.stages.front().blocks);
    check.size("scale_factor_temporal", sizes.stride_t());
    check.size("scale_factor_spatial", sizes.stride_hw());
    if (wan22) {
        check.fixed("patch_size", {2});
        check.fixed("is_residual", {true});
    } else {
        check.fixed("patch_size", {nullptr, 1});
        check.fixed("is_residual", {false});
    }
    check.fixed("attn_scales", {json::array()});
    check.numbers("latents_mean", published.mean);
    check.numbers("latents_std", published.deviation);
}

}  // namespace t3video::film
