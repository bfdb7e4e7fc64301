// Choosing what is trained.
#include "training/trained.h"

#include <cmath>
#include <set>

#include "core/error.h"
#include "core/hash_uniform.h"

namespace t3video::training {
namespace {

// "blocks.0.self_attn.q" ends with "q" and with "self_attn.q", not with "n.q".
bool is_target(const std::string& name, const std::string& target) {
    return name == target || name.ends_with("." + target);
}

void fill_uniform(std::span<float> values, float bound, uint64_t seed) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = bound * hash_symmetric(seed, i);
}

}  // namespace

void train_all(Context& ctx, models::WanDit& dit) {
    dit.for_each_param("", [&](const std::string&, nn::Param& param) { nn::make_trainable(ctx, param); });
}

int64_t train_adapters(Context& ctx, models::WanDit& dit, const AdapterOptions& o) {
    require_valid(o.rank >= 1, "LoRA: rank ", o.rank, ", expected 1 or more");
    require_valid(o.alpha >= 0 && std::isfinite(o.alpha), "LoRA: alpha ", o.alpha, ", expected a number above 0");
    require_valid(!o.targets.empty(), "LoRA: no targets, expected some such as q or ffn.0");
    std::set<std::string> missing(o.targets.begin(), o.targets.end());
    int64_t count = 0;
    dit.for_each_linear("", [&](const std::string& name, nn::Linear& linear) {
        bool chosen = false;
        for (const std::string& target : o.targets) {
            if (!is_target(name, target)) continue;
            chosen = true;
            missing.erase(target);
        }
        if (!chosen) return;
        const double alpha = o.alpha == 0 ? static_cast<double>(o.rank) : o.alpha;
        nn::LowRank& adapter = linear.adapter.emplace(linear.in(), linear.out(), o.rank, static_cast<float>(alpha));
        const float bound = 1.0f / std::sqrt(static_cast<float>(linear.in()));
        const uint64_t seed = mix_bits(o.seed) + static_cast<uint64_t>(count++);
        adapter.a.value =
            computed(ctx, adapter.a.shape, [&](std::span<float> values) { fill_uniform(values, bound, seed); });
        adapter.b.value = zeros(ctx, adapter.b.shape);
        nn::make_trainable(ctx, adapter.a);
        nn::make_trainable(ctx, adapter.b);
    });
    require_valid(missing.empty(), "LoRA: no layer of the blocks is called ", *missing.begin(),
                  "; they are q, k, v, o of self_attn and cross_attn, ffn.0 and ffn.2");
    return count;
}

int64_t trained_numbers(models::WanDit& dit) {
    int64_t count = 0;
    dit.for_each_param("", [&](const std::string&, nn::Param& param) {
        if (param.gradient()) count += param.shape.numel();
    });
    return count;
}

}  // namespace t3video::training
