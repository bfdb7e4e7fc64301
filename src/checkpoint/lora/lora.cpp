// Updates of weights, computed whenever the weight is decoded.
#include "checkpoint/lora.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "checkpoint/checks.h"
#include "checkpoint/lora_keys.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

// Adds the products of `up` rows with `down` to rows of `width` values. Two rows at a time take four rows of `down`, so
// that most operands stay in registers; columns go in runs whose part of `down` stays in the cache.
void add_product(const float* up, const float* down, int64_t rank, int64_t rows, int64_t width, float* values) {
    constexpr int64_t kColumns = 1024;
    const auto quadruple = [&](int64_t row, int64_t k) {
        std::array<float, 4> c{};
        for (int64_t i = 0; i < std::min<int64_t>(4, rank - k); ++i)
            c[static_cast<size_t>(i)] = row < rows ? up[row * rank + k + i] : 0.0f;
        return c;
    };
    for (int64_t first = 0; first < width; first += kColumns) {
        const int64_t columns = std::min(kColumns, width - first);
        for (int64_t row = 0; row < rows; row += 2) {
            float* const y0 = values + row * width + first;
            float* const y1 = values + std::min(row + 1, rows - 1) * width + first;
            for (int64_t k = 0; k < rank; k += 4) {
                const auto c0 = quadruple(row, k), c1 = quadruple(row + 1, k);
                const auto part = [&](int64_t i) { return down + std::min(k + i, rank - 1) * width + first; };
                const float *x0 = part(0), *x1 = part(1), *x2 = part(2), *x3 = part(3);
                for (int64_t j = 0; j < columns; ++j)
                    y0[j] += c0[0] * x0[j] + c0[1] * x1[j] + c0[2] * x2[j] + c0[3] * x3[j];
                if (row + 1 == rows) continue;
                for (int64_t j = 0; j < columns; ++j)
                    y1[j] += c1[0] * x0[j] + c1[1] * x1[j] + c1[2] * x2[j] + c1[3] * x3[j];
            }
        }
    }
}

// A weight plus what LoRA files add to it.
class Updated : public Encoding {
  public:
    // width: of a row of the weight as a matrix. down: [rank, width], up: [out, rank] with the scale in it, both f32,
    // or both undefined; difference: as many elements as `base`, not encoded, times `scale`, or undefined.
    Updated(Stored base, int64_t width, Tensor down, Tensor up, Tensor difference, float scale)
        : base_(std::move(base)),
          width_(width),
          down_(std::move(down)),
          up_(std::move(up)),
          difference_(std::move(difference)),
          scale_(scale) {
        const bool whole_rows = !base_.encoding() || width_ % base_.encoding()->group() == 0;
        group_ = whole_rows ? width_ : base_.numel();
    }

    std::string name() const override {
        const std::string base = base_.type_name();
        return base.ends_with("+lora") ? base : base + "+lora";
    }
    size_t bytes() const override {
        size_t sum = base_.bytes();
        for (const Tensor* part : {&down_, &up_, &difference_}) sum += part->defined() ? part->bytes() : 0;
        return sum;
    }
    size_t copied_bytes() const override {
        size_t sum = base_.copied_bytes();
        for (const Tensor* part : {&down_, &up_}) sum += part->defined() ? part->bytes() : 0;
        return sum;
    }
    int64_t group() const override { return group_; }
    void decode(int64_t first, int64_t count, float* values) const override {
        add_values(base_, first, count, 1.0f, values, true);
        if (difference_.defined()) add_values(difference_, first, count, scale_, values, false);
        if (!down_.defined()) return;
        const int64_t rank = down_.dim(0);
        add_product(up_.data<float>() + first / width_ * rank, down_.data<float>(), rank, count / width_, width_,
                    values);
    }

  private:
    static void add_values(const Stored& stored, int64_t first, int64_t count, float scale, float* values,
                           bool replace) {
        if (stored.encoding()) return stored.encoding()->decode(first, count, values);
        const Tensor& x = stored.numbers();
        visit_float(x.dtype(), [&]<class T>() {
            const T* const p = x.data<T>() + first;
            for (int64_t i = 0; i < count; ++i)
                values[i] = (replace ? 0.0f : values[i]) + scale * static_cast<float>(p[i]);
        });
    }

    Stored base_;
    int64_t width_, group_ = 1;
    Tensor down_, up_, difference_;
    float scale_;
};

Tensor scaled_copy(const Stored& x, double scale) {
    Tensor y = empty_on_host(x.shape());
    const Tensor values = decoded(x);
    std::ranges::transform(values.span<float>(), y.data<float>(),
                           [&](float value) { return static_cast<float>(scale * value); });
    return y;
}

// The value of a tensor of one element.
float number_of(const Stored& x) {
    const Tensor value = decoded(x);
    return value.span<float>()[0];
}

// Where a file's names lead in the model.
class Targets {
  public:
    Targets(TensorSource& source, const OfficialName& official, std::string file)
        : source_(source), official_(official), file_(std::move(file)) {
        for (const auto& [name, stored] : source.tensors) {
            if (!name.ends_with(".weight") && !name.ends_with(".modulation")) continue;
            std::string module = name.substr(0, name.rfind('.'));
            std::string flat = module;
            std::ranges::replace(flat, '.', '_');
            flat_.emplace(std::move(flat), std::move(module));
        }
    }

    // The tensor `part` ("weight", "bias", "modulation") of a module.
    Stored& at(const std::string& module, const char* part, const std::string& key) {
        const std::string name = own_name(module, part);
        const auto found = source_.tensors.find(name);
        require_valid(found != source_.tensors.end(), file_, ": ", quote(key), " matches no weight of ",
                      source_.path.string(), ", which has no tensor ", quote(name));
        Stored& value = found->second.tensor;
        require_valid(value.is_float(), file_, ": ", quote(key), " updates ", quote(name), " of ",
                      source_.path.string(), ", which holds ", value.type_name());
        return value;
    }

  private:
    std::string own_name(const std::string& module, const char* part) const {
        constexpr std::string_view kFlat = "lora_unet_";
        if (module.starts_with(kFlat)) {
            std::string flat = module.substr(kFlat.size());
            if (flat.starts_with('_')) flat.erase(0, 1);  // some programs write two underscores
            const auto found = flat_.find(flat);
            return (found == flat_.end() ? flat : found->second) + "." + part;
        }
        const std::string name = module + "." + part;
        const std::string known = official_(name);
        return known.empty() ? name : known;
    }

    TensorSource& source_;
    const OfficialName& official_;
    std::string file_;
    std::map<std::string, std::string> flat_;  // "blocks_0_ffn_2" -> "blocks.0.ffn.2"
};

void add_difference(Stored& base, const LoraPart& difference, double scale, const std::string& where) {
    require_valid(same_but_for_ones(difference.value.shape(), base.shape()), where, ": the difference of ",
                  quote(difference.key), " has shape ", difference.value.shape(), ", the weight ", base.shape());
    const int64_t width = base.rank() > 0 && base.numel() > 0 ? base.numel() / base.dim(0) : 1;
    const Stored& x = difference.value;
    base = Stored(base.shape(),
                  std::make_shared<Updated>(base, width, Tensor(), Tensor(), x.encoding() ? decoded(x) : x.numbers(),
                                            static_cast<float>(scale)));
}

void add_matrices(Stored& base, const LoraPart& down, const LoraPart& up, double scale, const std::string& where) {
    const Stored &a = down.value, &b = up.value;
    const int64_t rows = base.rank() > 0 ? base.dim(0) : 0, width = rows > 0 ? base.numel() / rows : 0;
    require_valid(b.dim(0) == rows && a.dim(1) == width && base.numel() > 0, where, ": ", quote(up.key),
                  ": down matrix ", a.shape(), " and up matrix ", b.shape(), " make an update of [", b.dim(0), ", ",
                  a.dim(1), "], the weight is ", base.shape());
    base =
        Stored(base.shape(), std::make_shared<Updated>(base, width, decoded(a), scaled_copy(b, scale), Tensor(), 1.0f));
}

void summarise(const LoraModule& m, LoraSummary& summary) {
    if (const LoraPart* down = find(m, LoraRole::down)) {
        const int64_t rank = down->value.dim(0);
        summary.least_rank = summary.modules == 0 ? rank : std::min(summary.least_rank, rank);
        summary.most_rank = std::max(summary.most_rank, rank);
        ++summary.modules;
    }
    for (const LoraRole role : {LoraRole::weight, LoraRole::bias, LoraRole::modulation, LoraRole::up_bias})
        summary.differences += find(m, role) != nullptr;
}

}  // namespace

LoraSummary apply_lora(TensorSource& source, const Lora& lora, const OfficialName& official) {
    const std::string where = lora.file.string();
    require_valid(std::isfinite(lora.weight), where, ": a LoRA weight of ", lora.weight);
    const TensorSource file = open_tensors(lora.file);
    const auto modules = lora_modules(file);
    const auto scale_of = default_scale(file);
    Targets targets(source, official, where);
    LoraSummary summary;
    for (const auto& module : modules) {
        const auto& name = module.first;
        const auto& m = module.second;
        summarise(m, summary);
        double scale = lora.weight;  // of the matrices and their bias
        if (const LoraPart* down = find(m, LoraRole::down)) {
            const LoraPart &up = m.at(LoraRole::up), *alpha = find(m, LoraRole::alpha);
            const int64_t rank = down->value.dim(0);
            scale *= alpha ? double(number_of(alpha->value)) / double(rank) : scale_of(rank);
            require_valid(std::isfinite(scale), where, ": the alpha of ", quote(name), " is not finite");
            add_matrices(targets.at(name, "weight", up.key), *down, up, scale, where);
        }
        const auto add = [&](LoraRole role, const char* part, double factor) {
            if (const LoraPart* difference = find(m, role))
                add_difference(targets.at(name, part, difference->key), *difference, factor, where);
        };
        add(LoraRole::up_bias, "bias", scale);
        add(LoraRole::weight, "weight", lora.weight);
        add(LoraRole::bias, "bias", lora.weight);
        add(LoraRole::modulation, "modulation", lora.weight);
    }
    return summary;
}

LoraSummary summarise_lora(const std::filesystem::path& file) {
    const TensorSource source = open_tensors(file);
    LoraSummary summary;
    for (const auto& [name, module] : lora_modules(source)) summarise(module, summary);
    return summary;
}

}  // namespace t3video::checkpoint
