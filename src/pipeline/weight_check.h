// Finds weights that are not numbers, by name.
#pragma once

#include <filesystem>
#include <string>

#include "core/error.h"
#include "nn/param.h"

namespace t3video::pipeline {

// Whether every value of a float or encoded tensor in host memory is a finite number.
bool is_finite(const Tensor& x, int threads);

// Throws InvalidRequest that names `file` and the first weight of `model` with a value that is infinite or not a
// number.
template <class Model>
void require_finite_weights(Model model, const std::filesystem::path& file, int threads) {
    model.for_each_param("", [&](const std::string& name, const nn::Param& param) {
        require_valid(is_finite(param.value, threads), file.string(), ": tensor '", name, "' ", param.value.shape(),
                      " holds values that are infinite or not numbers; fetch or convert the file again");
    });
}

}  // namespace t3video::pipeline
