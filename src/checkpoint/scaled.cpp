// 8-bit numbers and scales, decoded when a weight is used.
#include "checkpoint/scaled.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "checkpoint/checks.h"
#include "checkpoint/quantisation_notes.h"
#include "checkpoint/values.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

const std::array<float, 256>& table_of(DType dtype) {
    static const auto make = [](float (*value)(uint8_t)) {
        std::array<float, 256> values{};
        for (size_t bits = 0; bits < values.size(); ++bits) values[bits] = value(static_cast<uint8_t>(bits));
        return values;
    };
    static const std::array<float, 256> e4m3 = make(from_f8_e4m3), e5m2 = make(from_f8_e5m2),
                                        i8 = make([](uint8_t bits) { return float(static_cast<int8_t>(bits)); });
    return dtype == DType::f8_e4m3 ? e4m3 : dtype == DType::f8_e5m2 ? e5m2 : i8;
}

// Scales of a weight taken as a matrix [rows, width]: one for each block of it. Undefined: all are 1.
struct Scales {
    Tensor values;                  // f32
    int64_t rows = 1, columns = 1;  // of a block
    int64_t across = 1;             // blocks beside one another
    Tensor of_columns;              // further ones, [width], or undefined
    size_t bytes = 0;               // as stored
    size_t copied = 0;              // in memory of their own
};

class Scaled : public Encoding {
  public:
    Scaled(Tensor stored, Scales scales)
        : stored_(std::move(stored)),
          scales_(std::move(scales)),
          width_(stored_.rank() > 0 && stored_.dim(0) > 0 ? stored_.numel() / stored_.dim(0) : 1) {}

    std::string name() const override { return std::string(name_of(stored_.dtype())); }
    size_t bytes() const override { return stored_.bytes() + scales_.bytes; }
    size_t copied_bytes() const override { return scales_.copied; }
    int64_t group() const override { return 1; }
    void decode(int64_t first, int64_t count, float* values) const override {
        read(first, count, values);
        if (!scales_.values.defined()) return;
        for (int64_t i = 0; i < count;) {  // the parts of rows
            const int64_t row = (first + i) / width_, from = (first + i) % width_;
            const int64_t part = std::min(count - i, width_ - from);
            scale_row(row, from, part, values + i);
            i += part;
        }
    }

  private:
    void read(int64_t first, int64_t count, float* values) const {
        const DType dtype = stored_.dtype();
        if (is_float(dtype)) {
            read_values(stored_, first, count, values);
        } else if (dtype == DType::f64) {
            const double* x = stored_.data<double>() + first;
            for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(x[i]);
        } else {
            const auto* bits = reinterpret_cast<const uint8_t*>(stored_.raw()) + first;
            const auto& table = table_of(dtype);
            for (int64_t i = 0; i < count; ++i) values[i] = table[bits[i]];
        }
    }
    // Columns [from, from + count) of a row.
    void scale_row(int64_t row, int64_t from, int64_t count, float* values) const {
        const float* const scales = scales_.values.data<float>() + row / scales_.rows * scales_.across;
        for (int64_t i = 0; i < count;) {
            const int64_t block = (from + i) / scales_.columns;
            const int64_t end = std::min(count, (block + 1) * scales_.columns - from);
            for (; i < end; ++i) values[i] *= scales[block];
        }
        if (!scales_.of_columns.defined()) return;
        const float* const columns = scales_.of_columns.data<float>() + from;
        for (int64_t i = 0; i < count; ++i) values[i] *= columns[i];
    }

    Tensor stored_;
    Scales scales_;
    int64_t width_;  // of a row
};

// Names of a weight and its scale behind a module's.
struct Form {
    std::string_view weight, scale;
};
constexpr Form kForms[] = {
    {"weight", "scale_weight"},     {"weight", "weight_scale"}, {"weight", "scale"},
    {"weight", "weight_scale_inv"}, {"int8_weight", "scale"},   {"weight._data", "weight._scale"},
};

// The module's name with its '.', where `name` is it and `ending`; nothing for other names.
std::optional<std::string> module_of(const std::string& name, std::string_view ending) {
    const bool whole = name == ending;
    if (!whole && !(name.ends_with(ending) && name[name.size() - ending.size() - 1] == '.')) return std::nullopt;
    return name.substr(0, name.size() - ending.size());
}

const Form* form_of(const TensorSource& source, const std::string& name) {
    for (const Form& form : kForms) {
        const auto module = module_of(name, form.weight);
        if (module && source.contains(*module + std::string(form.scale))) return &form;
    }
    return nullptr;
}

// f32 values, all finite.
Tensor read_scale(const StoredTensor& scale, const std::string& where) {
    require_valid(scale.tensor.is_float(), where, " holds ", scale.tensor.type_name(), ", expected a float scale");
    const Tensor values = decoded(scale.tensor);
    require_valid(std::ranges::all_of(values.span<float>(), [](float x) { return std::isfinite(x); }), where,
                  " holds a scale that is not finite");
    return values;
}

constexpr int64_t kTiles[] = {128, 64, 32, 256};  // that programs use, the usual one first

// Blocks of `tile` rows and columns, where [down, across] of them cover [rows, width].
bool covers(int64_t tile, int64_t rows, int64_t width, int64_t down, int64_t across) {
    return (rows + tile - 1) / tile == down && (width + tile - 1) / tile == across;
}

Scales scales_for(const StoredTensor& stored, const std::string& name, const Tensor& weight) {
    const std::string where = concat(stored.file.string(), ": tensor ", quote(name));
    const Tensor values = read_scale(stored, where);
    const int64_t rows = weight.rank() > 0 ? weight.dim(0) : 1, width = rows > 0 ? weight.numel() / rows : 0;
    const int64_t down = values.rank() > 0 ? values.dim(0) : 1, across = down > 0 ? values.numel() / down : 0;
    const auto blocks = [&](int64_t block_rows, int64_t block_columns) {
        const bool same = !stored.tensor.encoding() && stored.tensor.numbers().dtype() == DType::f32;
        return Scales{values, block_rows, block_columns, across, {}, stored.tensor.bytes(), same ? 0 : values.bytes()};
    };
    if (values.numel() == 1) return blocks(std::max<int64_t>(rows, 1), std::max<int64_t>(width, 1));
    for (const int64_t n : kTiles) {
        if (down != rows && covers(n, rows, width, down, across)) return blocks(n, n);
    }
    if (down == rows && across > 0 && width % across == 0) return blocks(1, width / across);
    const bool by_columns = down == 1 && values.rank() > 1 && across == width && across > 0;
    require_valid(by_columns, where, " has shape ", values.shape(), ", expected one scale or ", rows,
                  ", for the rows of a weight of ", weight.shape(),
                  ", or one for each of equal parts or tiles of them");
    return blocks(rows, 1);
}

bool is_for_others(const std::string& name) {
    return name == "scaled_fp8" || name.ends_with(".scaled_fp8") || name.ends_with(".scale_input") ||
           name.ends_with(".input_scale") || name.ends_with(".output_scale") || name.ends_with(".comfy_quant");
}

Stored scaled(const TensorSource& source, const Tensor& numbers, const std::string& module, const Form& form,
              std::vector<std::string>& used) {
    const std::string name = module + std::string(form.scale), before = module + "pre_quant_scale";
    Scales scales = scales_for(source.tensors.at(name), name, numbers);
    used.push_back(name);
    if (source.contains(before)) {
        const std::string where = concat(source.tensors.at(before).file.string(), ": tensor ", quote(before));
        scales.of_columns = read_scale(source.tensors.at(before), where);
        require_valid(numbers.rank() == 2 && scales.of_columns.numel() == numbers.dim(1), where, " has shape ",
                      scales.of_columns.shape(), ", expected one factor for each column of a weight of ",
                      numbers.shape());
        scales.bytes += source.tensors.at(before).tensor.bytes();
        scales.copied += scales.of_columns.bytes();
        used.push_back(before);
    }
    return {numbers.shape(), std::make_shared<Scaled>(numbers, std::move(scales))};
}

}  // namespace

float from_f8_e4m3(uint8_t bits) {
    const int exponent = bits >> 3 & 15, mantissa = bits & 7;
    float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)  // subnormal: multiples of 2^-9
                                    : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
    if (exponent == 15 && mantissa == 7) magnitude = std::numeric_limits<float>::quiet_NaN();
    return bits & 0x80 ? -magnitude : magnitude;
}

float from_f8_e5m2(uint8_t bits) {
    f16 value;
    value.bits = static_cast<uint16_t>(bits << 8);
    return static_cast<float>(value);
}

// Where one matrix of 8-bit floats has a scale, all of them must.
void check_scales_are_there(const TensorSource& source) {
    const auto is_matrix = [](const auto& entry) {
        const Stored& x = entry.second.tensor;
        const bool narrow =
            !x.encoding() && (x.numbers().dtype() == DType::f8_e4m3 || x.numbers().dtype() == DType::f8_e5m2);
        return narrow && x.rank() == 2 && module_of(entry.first, "weight");
    };
    bool expected = false;
    const StoredTensor* without = nullptr;
    const std::string* name = nullptr;
    for (const auto& entry : source.tensors) {
        if (!is_matrix(entry)) continue;
        const bool has = form_of(source, entry.first) != nullptr;
        expected |= has;
        if (has || without) continue;
        without = &entry.second;
        name = &entry.first;
    }
    require_valid(!expected || !without, without ? without->file.string() : "", ": tensor ", quote(name ? *name : ""),
                  " holds 8-bit floats without a scale, in a file with scales");
}

TensorSource fold_scales(TensorSource source) {
    check_quantisation_notes(source);
    check_scales_are_there(source);
    std::erase_if(source.tensors, [](const auto& entry) { return is_for_others(entry.first); });
    std::vector<std::string> used, renamed;
    for (auto& [name, stored] : source.tensors) {
        require_valid(name.find(".quant_state.bitsandbytes__") == std::string::npos, stored.file.string(), ": tensor ",
                      quote(name),
                      " is of 4-bit numbers packed by bitsandbytes, which are not read; expected floats, "
                      "8-bit numbers with scales, or GGUF");
        require_valid(!module_of(name, "int8_weight") || form_of(source, name), stored.file.string(), ": tensor ",
                      quote(name), " has no scale beside it");
        if (stored.tensor.encoding()) continue;
        const Tensor numbers = stored.tensor.numbers();
        const DType dtype = numbers.dtype();
        const bool own_encoding = dtype == DType::f8_e4m3 || dtype == DType::f8_e5m2 || dtype == DType::f64;
        if (!own_encoding && !is_float(dtype) && dtype != DType::i8) continue;
        if (const Form* form = form_of(source, name)) {
            stored.tensor = scaled(source, numbers, *module_of(name, form->weight), *form, used);
            if (form->weight != "weight") renamed.push_back(name);
        } else if (own_encoding) {
            stored.tensor = {numbers.shape(), std::make_shared<Scaled>(numbers, Scales())};
        }
    }
    for (const std::string& name : used) source.tensors.erase(name);
    for (const std::string& name : renamed) {
        const Form& form = *std::ranges::find_if(
            kForms, [&](const Form& f) { return f.weight != "weight" && module_of(name, f.weight); });
        auto node = source.tensors.extract(name);
        node.key() = *module_of(name, form.weight) + "weight";
        const auto result = source.tensors.insert(std::move(node));
        require_valid(result.inserted, source.path.string(), ": ", quote(name), " is there twice, as 'weight' too");
    }
    return source;
}

}  // namespace t3video::checkpoint
