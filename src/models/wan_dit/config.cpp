// Infers DiT sizes.
#include "models/wan_dit/config.h"

#include <cmath>

#include "checkpoint/foreign_file.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"
#include "core/paths.h"

namespace t3video::models {
namespace {

using nlohmann::json;

const Shape& shape_of(const std::map<std::string, Shape>& shapes, const std::string& name, int rank,
                      const std::string& origin) {
    const auto found = shapes.find(name);
    require_valid(found != shapes.end(), origin, ": tensor '", name,
                  "' is missing; this is not a Wan diffusion transformer");
    require_valid(found->second.rank() == rank && found->second.numel() > 0, origin, ": tensor '", name, "' has shape ",
                  found->second, ", expected ", rank, " axes");
    return found->second;
}

// The config's value under either of two keys, or 0.
double config_number(const json& config, const char* official, const char* diffusers) {
    for (const char* key : {official, diffusers}) {
        if (config.is_object() && config.contains(key) && config[key].is_number()) return config[key].get<double>();
    }
    return 0;
}

// Whether the config names another width: then it belongs to another model, such as that of the folder in which a
// transformer is replaced.
bool is_of_another(const json& config, int64_t dim) {
    double width = config_number(config, "dim", "dim");
    if (width == 0)
        width = config_number(config, "num_attention_heads", "num_attention_heads") *
                config_number(config, "attention_head_dim", "attention_head_dim");
    return width != 0 && width != double(dim);
}

}  // namespace

DitConfig infer_dit_config(const std::map<std::string, Shape>& shapes, const std::filesystem::path& config_json,
                           const std::string& origin) {
    DitConfig c;
    const Shape patch = shape_of(shapes, "patch_embedding.weight", 5, origin);
    c.dim = patch[0];
    c.in_channels = patch[1];
    c.text_dim = shape_of(shapes, "text_embedding.0.weight", 2, origin)[1];
    c.freq_dim = shape_of(shapes, "time_embedding.0.weight", 2, origin)[1];
    c.ffn_dim = shape_of(shapes, "blocks.0.ffn.0.weight", 2, origin)[0];
    c.out_channels = shape_of(shapes, "head.head.weight", 2, origin)[0] / 4;
    require_valid(c.freq_dim % 2 == 0, origin, ": a timestep sinusoid of odd length ", c.freq_dim);
    c.image_branch = shapes.contains("img_emb.proj.0.weight");
    while (shapes.contains("blocks." + std::to_string(c.layers) + ".modulation")) ++c.layers;

    json config;
    if (is_file(config_json)) {
        const std::string text = read_text_file(config_json, "a JSON object");
        checkpoint::refuse_other_kind(text, config_json.string());
        config = parse_json_or_discard(text);
    }
    require_valid(!config.is_discarded(), config_json.string(), ": not valid JSON");
    if (is_of_another(config, c.dim)) config = json();
    const double heads = config_number(config, "num_heads", "num_attention_heads");
    require_valid(heads >= 0 && heads <= double(c.dim) && heads == std::floor(heads), config_json.string(), ": ", heads,
                  " heads, expected a whole number that divides the width of ", c.dim);
    c.heads = static_cast<int64_t>(heads);
    if (c.heads == 0 && c.dim % 128 == 0) c.heads = c.dim / 128;
    require_valid(c.heads > 0, origin,
                  ": the number of heads is unknown; put a config.json with \"num_heads\" beside it");
    require_valid(c.dim % (2 * c.heads) == 0, origin, ": ", c.heads, " heads do not divide a width of ", c.dim,
                  " evenly");
    if (const double eps = config_number(config, "eps", "eps"); eps > 0) c.eps = static_cast<float>(eps);
    return c;
}

}  // namespace t3video::models
