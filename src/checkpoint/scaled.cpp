// 8-bit floats and scales, decoded when a weight is used.
#include "checkpoint/scaled.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "checkpoint/checks.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

const std::array<float, 256>& f8_values() {
    static const std::array<float, 256> table = [] {
        std::array<float, 256> values{};
        for (size_t bits = 0; bits < values.size(); ++bits) values[bits] = from_f8_e4m3(static_cast<uint8_t>(bits));
        return values;
    }();
    return table;
}

class Scaled : public Encoding {
  public:
    // `scales`: one, or one for each of the tensor's rows.
    Scaled(Tensor stored, std::vector<float> scales)
        : stored_(std::move(stored)),
          scales_(std::move(scales)),
          row_(stored_.numel() / std::max<int64_t>(1, static_cast<int64_t>(scales_.size()))) {}

    std::string name() const override { return std::string(name_of(stored_.dtype())); }
    size_t bytes() const override { return stored_.bytes(); }
    int64_t group() const override { return 1; }
    void decode(int64_t first, int64_t count, float* values) const override {
        if (stored_.dtype() == DType::f8_e4m3) {
            const auto* bits = reinterpret_cast<const uint8_t*>(stored_.raw()) + first;
            const auto& table = f8_values();
            for (int64_t i = 0; i < count; ++i) values[i] = table[bits[i]];
        } else {
            visit_float(stored_.dtype(), [&]<class T>() {
                const T* x = stored_.data<T>() + first;
                for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(x[i]);
            });
        }
        for (int64_t i = 0; i < count;) {  // the parts of rows
            const int64_t row = (first + i) / row_, end = std::min(count, (row + 1) * row_ - first);
            const float scale = scales_[static_cast<size_t>(row)];
            for (; i < end; ++i) values[i] *= scale;
        }
    }

  private:
    Tensor stored_;
    std::vector<float> scales_;
    int64_t row_;  // elements that share a scale
};

// The scale's name for a weight's, where the source has one.
std::optional<std::string> scale_of(const TensorSource& source, const std::string& weight) {
    constexpr std::string_view kWeight = "weight";
    if (weight != kWeight && !weight.ends_with(".weight")) return std::nullopt;
    const std::string module = weight.substr(0, weight.size() - kWeight.size());
    for (const char* name : {"scale_weight", "weight_scale", "scale"}) {
        if (source.contains(module + name)) return module + name;
    }
    return std::nullopt;
}

std::vector<float> read_scales(const StoredTensor& scale, const std::string& name, const Shape& weight) {
    const std::string where = concat(scale.file.string(), ": tensor ", quote(name));
    const int64_t count = scale.tensor.numel(), rows = weight.rank() > 0 ? weight[0] : 1;
    require_valid(scale.tensor.is_float(), where, " holds ", scale.tensor.type_name(), ", expected a float scale");
    require_valid(count == 1 || count == rows, where, " has shape ", scale.tensor.shape(), ", expected one scale or ",
                  rows, ", for the rows of a weight of ", weight);
    const Tensor values = decoded(scale.tensor);
    const auto span = values.span<float>();
    require_valid(std::ranges::all_of(span, [](float x) { return std::isfinite(x); }), where,
                  " holds a scale that is not finite");
    return {span.begin(), span.end()};
}

bool is_for_others(const std::string& name) {
    return name == "scaled_fp8" || name.ends_with(".scale_input") || name.ends_with(".input_scale") ||
           name.ends_with(".comfy_quant");
}

}  // namespace

float from_f8_e4m3(uint8_t bits) {
    const int exponent = bits >> 3 & 15, mantissa = bits & 7;
    float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)  // subnormal: multiples of 2^-9
                                    : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
    if (exponent == 15 && mantissa == 7) magnitude = std::numeric_limits<float>::quiet_NaN();
    return bits & 0x80 ? -magnitude : magnitude;
}

TensorSource fold_scales(TensorSource source) {
    std::erase_if(source.tensors, [](const auto& entry) { return is_for_others(entry.first); });
    std::vector<std::string> scales;
    for (auto& [name, stored] : source.tensors) {
        if (stored.tensor.encoding()) continue;
        const Tensor numbers = stored.tensor.numbers();
        const DType dtype = numbers.dtype();
        if (dtype != DType::f8_e4m3 && !is_float(dtype)) continue;
        const std::optional<std::string> scale = scale_of(source, name);
        if (scale) {
            const auto values = read_scales(source.tensors.at(*scale), *scale, numbers.shape());
            stored.tensor = {numbers.shape(), std::make_shared<Scaled>(numbers, values)};
            scales.push_back(*scale);
        } else if (dtype == DType::f8_e4m3) {
            stored.tensor = {numbers.shape(), std::make_shared<Scaled>(numbers, std::vector{1.0f})};
        }
    }
    for (const std::string& name : scales) source.tensors.erase(name);
    return source;
}

}  // namespace t3video::checkpoint
