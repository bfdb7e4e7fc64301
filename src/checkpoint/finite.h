// Finds weights that are not numbers, by name.
#pragma once

#include <filesystem>
#include <string>

#include "core/error.h"
#include "tensor/stored.h"

namespace t3video::checkpoint {

// Whether every value, of floats in host memory or encoded, is a finite number.
bool is_finite(const Stored& x, int threads);

// Throws InvalidRequest that names the file and the tensor unless its values are finite.
void require_finite_tensor(const Stored& x, const std::string& name, const std::filesystem::path& file, int threads);

// The same for every tensor of floats in a file.
void require_finite_file(const std::filesystem::path& file, int threads);

// The same for every weight of a model, which was read from `file`.
template <class Model>
void require_finite_weights(Model model, const std::filesystem::path& file, int threads) {
    model.for_each_param("", [&](const std::string& name, const auto& param) {
        require_finite_tensor(param.value, name, file, threads);
    });
}

}  // namespace t3video::checkpoint
