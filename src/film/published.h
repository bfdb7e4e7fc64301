// Sizes of the released models, and weights out of nothing, for measurements that need no files.
#pragma once

#include <cmath>
#include <string_view>

#include "film/networks.h"
#include "models/umt5/model.h"
#include "models/wan_dit/config.h"
#include "models/wan_vae/config.h"
#include "nn/layer_store.h"
#include "ops/random.h"

namespace t3video::film {

models::DitConfig wan21_1_3b();
models::DitConfig wan22_5b();
models::VaeConfig wan21_vae();
models::VaeConfig wan22_vae();
models::Umt5Config umt5_xxl();

// Networks of the released sizes, "wan2.1-1.3b" or "wan2.2-5b", whose weights have shapes only: for plans. Throws
// InvalidRequest for another name.
Networks published_networks(std::string_view name);

// The model with shapes in place of values: for plans.
template <class Model>
Model without_values(Model model) {
    model.for_each_param("", [](const auto&, nn::Param& param) {
        param.value = unbacked(param.shape, param.role == nn::Role::scale ? DType::f32 : DType::bf16);
    });
    return model;
}

// The value of parameter number `index`, on a GPU in the type it is used in, on the CPU as files hold it: matrices in
// bf16, the rest in f32. Weights normal with deviation 1/sqrt(fan-in), norms around 1, biases small.
Tensor random_weight(Context& ctx, const std::string& name, const nn::Param& param, uint64_t index);

// A model of random weights, its layers prepared so. Weights are made on the device one by one, and prepared there at
// once, as those of a file are; those to be streamed wait in host memory.
template <class Model, class... Part>
Model prepared_at_random(Context& ctx, Model model, nn::Residency residency, Part... part) {
    uint64_t index = 0;
    model.for_each_param("", [&](const auto& name, nn::Param& param) {
        param.value = random_weight(ctx, name, param, index++);
        if (residency == nn::Residency::streamed) {
            param.value = to_host(ctx, param.value.numbers());
        } else {
            nn::make_resident(ctx, param);
        }
    });
    return nn::prepared(ctx, std::move(model), residency, part...);
}

}  // namespace t3video::film
