// Names and shapes of the released models' tensors, from tests/data/manifests.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/shape.h"

namespace t3video::testing {

inline std::map<std::string, Shape> read_manifest(const std::string& file) {
    std::ifstream in(T3VIDEO_TEST_DATA "/manifests/" + file);
    std::map<std::string, Shape> shapes;
    const nlohmann::json tensors = nlohmann::json::parse(in);
    for (const auto& [name, extents] : tensors.items())
        shapes.emplace(name, Shape(extents.get<std::vector<int64_t>>()));
    return shapes;
}

// Names and shapes of a model's parameters.
template <class Model>
std::map<std::string, Shape> shapes_of(Model& model) {
    std::map<std::string, Shape> shapes;
    model.for_each_param("", [&](const std::string& name, const auto& param) { shapes.emplace(name, param.shape); });
    return shapes;
}

inline int64_t total_elements(const std::map<std::string, Shape>& shapes) {
    int64_t total = 0;
    for (const auto& [name, shape] : shapes) total += shape.numel();
    return total;
}

}  // namespace t3video::testing
