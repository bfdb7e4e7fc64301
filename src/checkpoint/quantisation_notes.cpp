// Formats and settings of layers, as JSON.
#include "checkpoint/quantisation_notes.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "checkpoint/checks.h"
#include "checkpoint/json_text.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

using nlohmann::json;

// Formats whose values are stored numbers times "X.weight_scale".
constexpr std::array<std::string_view, 6> kFormats = {"float8_e4m3fn",   "float8_e5m2",  "int8",
                                                      "int8_tensorwise", "int8_rowwise", "int8_blockwise"};
// Settings that do not change what a weight is: how products are computed, and sizes that scales show by their shape.
constexpr std::array<std::string_view, 4> kSettings = {"format", "full_precision_matrix_mult", "group_size",
                                                       "block_size"};

template <class List>
bool contains(const List& list, std::string_view text) {
    return std::ranges::find(list, text) != list.end();
}

// Throws for a format or a setting that is not read; an empty description says nothing.
void check_layer(const json& layer, const std::string& name, const std::string& where) {
    if (layer.is_object() && layer.empty()) return;
    require_valid(layer.is_object() && layer.contains("format") && layer["format"].is_string(), where,
                  ": the description of layer ", quote(name), " names no format");
    const auto format = layer["format"].get<std::string>();
    require_valid(contains(kFormats, format), where, ": layer ", quote(name), " is stored in the format ",
                  quote(format), "; read are float8_e4m3fn, float8_e5m2 and int8 with scales");
    for (const auto& setting : layer.items()) {
        const json& value = setting.value();
        const bool off = value.is_null() || value == false;
        require_valid(off || contains(kSettings, setting.key()), where, ": layer ", quote(name), " has the setting ",
                      quote(setting.key()), ", which is not followed");
    }
}

// The layer's name in the source, where the prefix may have been taken off; nothing for a layer of another network.
std::optional<std::string> layer_in(const TensorSource& source, const std::string& layer) {
    for (size_t at = 0;;) {
        if (source.contains(layer.substr(at) + ".weight")) return layer.substr(at);
        at = layer.find('.', at);
        if (at++ == std::string::npos) return std::nullopt;
    }
}

}  // namespace

void check_quantisation_notes(const TensorSource& source) {
    const std::string where = source.path.string();
    constexpr std::string_view kEnding = ".comfy_quant";
    for (const auto& [name, stored] : source.tensors) {
        if (!name.ends_with(kEnding) || stored.tensor.encoding()) continue;
        const Tensor text = stored.tensor.numbers();
        require_valid(text.dtype() == DType::u8, where, ": ", quote(name), " holds ", name_of(text.dtype()),
                      ", expected the bytes of a text");
        const std::string bytes(reinterpret_cast<const char*>(text.raw()), text.bytes());
        const std::string layer = name.substr(0, name.size() - kEnding.size());
        const json description = parse_json(bytes, concat(where, ": ", quote(name)));
        check_layer(description, layer, where);
        require_valid(description.empty() || source.contains(layer + ".weight_scale"), where, ": layer ", quote(layer),
                      " has no scale");
    }
    const auto found = source.metadata.find("_quantization_metadata");
    if (found == source.metadata.end()) return;
    const json notes = parse_json(found->second, concat(where, ": _quantization_metadata"));
    require_valid(notes.is_object(), where, ": _quantization_metadata is not a JSON object");
    const auto layers = notes.find("layers");
    if (layers == notes.end()) return;
    require_valid(layers->is_object(), where, ": 'layers' of _quantization_metadata is not an object");
    for (const auto& layer : layers->items()) {
        const auto name = layer_in(source, layer.key());
        if (!name) continue;
        check_layer(layer.value(), layer.key(), where);
        require_valid(source.contains(*name + ".weight_scale"), where, ": layer ", quote(layer.key()), " has no scale");
    }
}

}  // namespace t3video::checkpoint
