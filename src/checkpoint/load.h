// Fills a model's parameters from named tensors, checking every name and shape.
#pragma once

#include <set>
#include <string>

#include "checkpoint/tensor_source.h"
#include "core/error.h"

namespace t3video::checkpoint {

// `model.for_each_param(prefix, visit)` calls visit(name, param) where param.shape is what the model expects and
// param.value is what it gets: a view of the mapped file, in the stored type. Throws InvalidRequest naming the file for
// a missing, misshapen, non-float or left-over tensor.
template <class Model>
void load_params(Model& model, const TensorSource& source, const std::string& prefix = "") {
    std::set<std::string> used;
    model.for_each_param(prefix, [&](const std::string& name, auto& param) {
        const auto found = source.tensors.find(name);
        require_valid(found != source.tensors.end(), source.path.string(), ": tensor '", name, "' ", param.shape,
                      " is missing");
        const Tensor& stored = found->second.tensor;
        require_valid(stored.shape() == param.shape, found->second.file.string(), ": tensor '", name, "' has shape ",
                      stored.shape(), ", expected ", param.shape);
        require_valid(is_float(stored.dtype()), found->second.file.string(), ": tensor '", name, "' holds ",
                      stored.dtype(), ", expected f32, f16 or bf16");
        param.value = stored;
        used.insert(name);
    });
    for (const auto& [name, stored] : source.tensors) {
        require_valid(used.contains(name), stored.file.string(), ": tensor '", name, "' ", stored.tensor.shape(),
                      " is not part of this model");
    }
}

}  // namespace t3video::checkpoint
