// Modules of LoRA files, put on the weights they are for.
#include "checkpoint/lora/lora.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "checkpoint/checks.h"
#include "checkpoint/lora/settings.h"
#include "checkpoint/lora/update.h"
#include "checkpoint/scaled.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

// Differences of a tensor's own shape.
constexpr LoraRole kDifferences[] = {LoraRole::difference, LoraRole::norm_weight, LoraRole::bias, LoraRole::modulation};

// The value of a tensor of one number of any type.
double number_of(const Stored& x) {
    if (x.is_float()) {
        const Tensor value = decoded(x);
        return double(value.span<float>()[0]);
    }
    const Tensor& n = x.numbers();
    switch (n.dtype()) {
        case DType::i64:
            return static_cast<double>(n.data<int64_t>()[0]);
        case DType::i32:
            return n.data<int32_t>()[0];
        case DType::i16:
            return n.data<int16_t>()[0];
        case DType::i8:
            return n.data<int8_t>()[0];
        case DType::u8:
            return n.data<uint8_t>()[0];
        case DType::boolean:
            return n.data<bool>()[0];
        default:
            return std::nan("");
    }
}

bool has_values(const Stored& x) {
    return !x.encoding() || x.encoding()->has_values();
}

// One module of a file, checked against itself.
struct Module {
    const std::string& name;
    const LoraModule& parts;
    const std::string& where;
    std::unique_ptr<UpdateSize> size;  // null without factors

    Module(const std::string& n, const LoraModule& m, const std::string& file)
        : name(n), parts(m), where(file), size(size_of_update(m, n, file)) {
        for (const LoraRole role : {LoraRole::alpha, LoraRole::up_bias, LoraRole::magnitude}) {
            const LoraPart* part = find(parts, role);
            require_valid(!part || size, where, ": ", quote(part ? part->key : ""), " belongs to no matrices");
        }
        const LoraPart* alpha = find(parts, LoraRole::alpha);
        require_valid(!alpha || has_values(alpha->value), where, ": the alpha of ", quote(name), " is of the type ",
                      alpha ? alpha->value.type_name() : "", ", which is not read");
        require_valid(!alpha || alpha->value.numel() == 1, where, ": the alpha of ", quote(name), " has shape ",
                      alpha ? alpha->value.shape() : Shape(), ", expected one number");
    }

    // A key of the module that stands for all.
    const std::string& key() const {
        const LoraPart* up = find(parts, LoraRole::up);
        return up ? up->key : parts.begin()->second.key;
    }
    double scale(const LoraSettings& settings) const {
        const LoraPart* alpha = find(parts, LoraRole::alpha);
        const double scale = !alpha       ? settings.scale(name, size->rank)
                             : size->rank ? number_of(alpha->value) / double(size->rank)
                                          : 1;
        require_valid(std::isfinite(scale), where, ": the alpha of ", quote(name), " is not finite");
        return scale;
    }
};

// DoRA's magnitudes: one for each row of the weight ([out] or [out, 1...], of PEFT's convolutions [1, out, 1...]), or
// for each input ([1, in, 1...]).
Magnitude magnitude_of(const Module& m, const Stored& base) {
    const LoraPart* part = find(m.parts, LoraRole::magnitude);
    if (!part) return {};
    const Shape& shape = part->value.shape();
    const int64_t count = shape.numel(), out = base.dim(0), in = base.rank() > 1 ? base.dim(1) : 0;
    const bool of_peft = part->key.find("lora_magnitude_vector") != std::string::npos;  // never of inputs
    const bool by_rows = count == out && shape.rank() > 0 && (of_peft || shape.dim(0) == out);
    const bool by_columns = !of_peft && count == in && shape.rank() > 1 && shape.dim(0) == 1 && shape.dim(1) == in;
    require_valid(by_rows || by_columns, m.where, ": ", quote(part->key), " has shape ", shape,
                  ", expected magnitudes of the ", out, " rows of a weight of ", base.shape(), ", or [1, ", in, "]");
    const Tensor values = decoded(part->value);
    const auto span = values.span<float>();
    require_valid(std::ranges::all_of(span, [](float x) { return std::isfinite(x); }), m.where, ": ", quote(part->key),
                  " holds a magnitude that is not finite");
    return {.values = {span.begin(), span.end()}, .by_columns = by_columns && !by_rows};
}

// Whether an update fits a weight, of which GGUF files may hold a convolution with its first axes folded.
bool fits(const UpdateSize& size, const Stored& base) {
    const bool rows = base.rank() > 0 &&
                      (base.dim(0) == size.rows || (base.rank() > 2 && size.rows > 0 && base.dim(0) % size.rows == 0));
    return rows && base.numel() > 0 && base.numel() == size.rows * size.width;
}

// Whether a difference fits a tensor: the same extents but for ones, or a convolution's flattened.
bool fits(const Stored& difference, const Stored& base) {
    if (same_but_for_ones(difference.shape(), base.shape())) return true;
    return base.rank() > 2 && difference.rank() == 2 && difference.dim(0) == base.dim(0) &&
           difference.numel() == base.numel();
}

void add_factors(Stored& base, const Module& m, const LoraSettings& settings, double weight) {
    require_valid(fits(*m.size, base), m.where, ": the matrices of ", quote(m.key()), " make an update of [",
                  m.size->rows, ", ", m.size->width, "], the weight is ", base.shape());
    Magnitude magnitude = magnitude_of(m, base);
    const double inside = magnitude.values.empty() ? weight : 1;
    base = updated(base, m.size->rows, make_update(m.parts, inside * m.scale(settings)), weight, std::move(magnitude));
}

void add_difference(Stored& base, const LoraPart& difference, double scale, const std::string& where) {
    require_valid(fits(difference.value, base), where, ": the difference of ", quote(difference.key), " has shape ",
                  difference.value.shape(), ", the weight ", base.shape());
    const int64_t rows = base.rank() > 0 && base.numel() > 0 ? base.dim(0) : 1;
    base = updated(base, rows, make_difference(difference.value, base.numel() / rows, scale), 1, {});
}

void summarise(const Module& m, LoraSummary& summary) {
    if (m.size) {
        const int64_t rank = m.size->rank;
        if (rank) {
            summary.least_rank = summary.least_rank ? std::min(summary.least_rank, rank) : rank;
            summary.most_rank = std::max(summary.most_rank, rank);
        }
        ++summary.modules;
        const bool hada = find(m.parts, LoraRole::hada_1b), lora = find(m.parts, LoraRole::down);
        summary.loha |= hada;
        summary.lora |= lora;
        summary.lokr |= !hada && !lora;
        summary.dora |= find(m.parts, LoraRole::magnitude) != nullptr;
    }
    for (const LoraRole role : kDifferences) summary.differences += find(m.parts, role) != nullptr;
    summary.differences += find(m.parts, LoraRole::up_bias) != nullptr;
}

// Numbers of files may be of any type: 8-bit floats, with scales or without, and f64 become encodings.
TensorSource open_lora(const std::filesystem::path& file) {
    return fold_scales(open_tensors(file));
}

// Whether the model has no place for a module: no tensor of its names, or a patch embedding of other channels, as
// image-to-video models have.
bool is_beyond(const Module& m, Targets& targets) {
    for (const auto& [role, part] : m.parts) {
        if (role == LoraRole::alpha) continue;
        const bool own = role == LoraRole::up_bias || std::ranges::find(kDifferences, role) != std::end(kDifferences);
        const Stored* target = targets.find(m.name, own ? role : LoraRole::up);
        if (!target) return true;
        if (m.name.find("patch_embedding") == std::string::npos || target->rank() <= 2) continue;
        const int64_t rows = own ? part.value.dim(part.value.rank() > target->rank() ? 1 : 0) : m.size->rows;
        const bool other_channels = own ? !fits(part.value, *target) : !fits(*m.size, *target);
        if (other_channels && rows == target->dim(0)) return true;
    }
    return false;
}

}  // namespace

LoraSummary apply_lora(TensorSource& source, const Lora& lora, const OtherName& other, Notes* notes) {
    const std::string where = lora.file.string();
    require_valid(std::isfinite(lora.weight), where, ": a LoRA weight of ", lora.weight);
    const TensorSource file = open_lora(lora.file);
    const auto modules = lora_modules(file);
    const LoraSettings settings = LoraSettings::of(file);
    Targets targets(source, other, where);
    LoraSummary summary;
    std::set<std::pair<const Stored*, LoraRole>> changed;
    const auto target = [&](const std::string& name, LoraRole role, const std::string& key) -> Stored& {
        Stored& found = targets.at(name, role, key);
        require_valid(changed.emplace(&found, role).second, where, ": ", quote(key),
                      " is for a weight that the file changes under another name as well");
        return found;
    };
    for (const auto& [name, parts] : modules) {
        const Module m(name, parts, where);
        ++summary.all;
        if (lora.partial && is_beyond(m, targets)) {
            summary.left_out.push_back(name);
            continue;
        }
        summarise(m, summary);
        if (m.size) add_factors(target(name, LoraRole::up, m.key()), m, settings, lora.weight);
        if (const LoraPart* bias = find(parts, LoraRole::up_bias))
            add_difference(target(name, LoraRole::up_bias, bias->key), *bias, lora.weight * m.scale(settings), where);
        for (const LoraRole role : kDifferences) {
            if (const LoraPart* part = find(parts, role))
                add_difference(target(name, role, part->key), *part, lora.weight, where);
        }
    }
    targets.check_prefixes();
    require_valid(summary.dora || !settings.say_dora(), where,
                  ": its settings say that it is a DoRA, but it has no magnitudes");
    require_valid(summary.left_out.size() < modules.size(), where, ": nothing of it fits ", source.path.string(),
                  "; it begins with ", quote(modules.begin()->second.begin()->second.key));
    if (notes) notes->insert(notes->end(), file.notes.begin(), file.notes.end());
    if (notes && settings.are_missing() && summary.modules > 0)
        notes->push_back(
            concat("LoRA ", where, ": no adapter_config.json beside it says its alpha, so that its scale is 1"));
    if (notes && !summary.left_out.empty())
        notes->push_back(concat("LoRA ", where, ": ", summary.left_out.size(), " of ", summary.all,
                                " modules are left out, since ", source.path.string(),
                                " has no such weights, or of fewer channels (", quote(summary.left_out.front()),
                                " and so on)"));
    return summary;
}

LoraSummary summarise_lora(const std::filesystem::path& path) {
    const TensorSource file = open_lora(path);
    LoraSummary summary;
    const std::string where = path.string();
    for (const auto& [name, parts] : lora_modules(file)) summarise(Module(name, parts, where), summary);
    return summary;
}

}  // namespace t3video::checkpoint
