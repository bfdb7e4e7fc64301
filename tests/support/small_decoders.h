// Files of small autoencoders with random weights.
#pragma once

#include <cmath>
#include <filesystem>
#include <map>
#include <string>

#include "checkpoint/tensor_source.h"
#include "models/small_vae/config.h"
#include "support/tensors.h"

namespace t3video::testing {

// Sizes that no two of are alike; of wide kernels three frames' rows where two are needed.
inline models::SmallVaeConfig small_sizes(bool wide, int64_t patch, int64_t z) {
    models::SmallVaeConfig c{.wide_kernels = wide, .z = z, .patch = patch, .decoder = {7, 6, 5, 3}};
    c.encoder = {4, 3, 5, 6};
    c.grown = wide ? std::array<int64_t, 3>{6, 15, 6} : std::array<int64_t, 3>{14, 12, 10};
    return c;
}

// Normal weights, about as large as keep values of the size of one; f16, but the biases.
inline std::map<std::string, Tensor> small_tensors(Context& ctx, const models::SmallVaeConfig& config,
                                                   uint32_t seed = 1) {
    std::map<std::string, Tensor> tensors;
    for (const auto& [name, shape] : models::official_tensors(config)) {
        Tensor x = randn(ctx, shape, seed++);
        const double fan_in = shape.rank() > 1 ? double(shape.numel() / shape[0]) : 100.0;
        for (float& value : x.span<float>()) value *= static_cast<float>(1.2 / std::sqrt(fan_in));
        tensors[name] = shape.rank() > 1 ? ops::convert(ctx, x, DType::f16) : x;
    }
    return tensors;
}

inline std::filesystem::path write_small_decoder(const std::filesystem::path& path,
                                                 const models::SmallVaeConfig& config) {
    Context ctx;
    checkpoint::save_safetensors(path, small_tensors(ctx, config));
    return path;
}

}  // namespace t3video::testing
