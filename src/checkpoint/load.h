// Fills a model's parameters from named tensors, checking every name and shape.
#pragma once

#include <set>
#include <string>

#include "checkpoint/checks.h"
#include "checkpoint/tensor_source.h"
#include "core/error.h"

namespace t3video::checkpoint {

// Encoded values that are worth keeping so: those of matrices, which are used one layer at a time. Small tensors and
// those of more axes (convolutions) are few. Rows must be whole groups, since single ones may be asked for.
inline bool stays_encoded(const Stored& x) {
    constexpr int64_t kSmall = 1 << 12;  // elements
    return x.encoding() && x.is_float() && x.rank() == 2 && x.numel() > kSmall && x.dim(1) % x.encoding()->group() == 0;
}

// `model.for_each_param(prefix, visit)` calls visit(name, param) where param.shape is what the model expects and
// param.value is what it gets: a view of the mapped file, in the stored type; encoded matrices stay so, other encoded
// tensors become f32. Throws InvalidRequest naming the file for a missing, misshapen, non-float or left-over tensor.
template <class Model>
void load_params(Model& model, const TensorSource& source, const std::string& prefix = "") {
    std::set<std::string> used;
    model.for_each_param(prefix, [&](const std::string& name, auto& param) {
        const auto found = source.tensors.find(name);
        require_valid(found != source.tensors.end(), source.path.string(), ": tensor '", name, "' ", param.shape,
                      " is missing");
        const Stored& stored = found->second.tensor;
        require_valid(same_but_for_ones(stored.shape(), param.shape) || is_folding(stored.shape(), param.shape),
                      found->second.file.string(), ": tensor '", name, "' has shape ", stored.shape(), ", expected ",
                      param.shape);
        require_valid(stored.is_float(), found->second.file.string(), ": tensor '", name, "' holds ",
                      stored.type_name(), ", expected f32, f16 or bf16");
        param.value = (stored.encoding() && !stays_encoded(stored) ? decoded(stored) : stored).reshape(param.shape);
        used.insert(name);
    });
    for (const auto& [name, stored] : source.tensors) {
        require_valid(used.contains(name), stored.file.string(), ": tensor '", name, "' ", stored.tensor.shape(),
                      " is not part of this model");
    }
}

}  // namespace t3video::checkpoint
