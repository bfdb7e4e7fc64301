// EasyCache.
#include "sampling/cache/easy_cache.h"

#include "ops/elementwise.h"
#include "ops/mean_abs.h"

namespace t3video::sampling {
namespace {

constexpr const char *kSample = "cache.sample", *kComputedSample = "cache.computed_sample",
                     *kVelocity = "cache.velocity", *kRate = "cache.rate", *kError = "cache.error",
                     *kDifference = "cache.difference.";

}  // namespace

void EasyCache::forget() {
    sample_ = computed_sample_ = velocity_ = Tensor();
    rate_.reset();
    differences_ = {};
}

void EasyCache::begin(Context& ctx, int64_t step, const Tensor& x) {
    const auto i = static_cast<size_t>(step);
    if (!continues(steps_, i)) forget();
    if (!steps_[i].guided) differences_[index_of(Branch::negative)] = Tensor();
    computes_ = true;
    if (step >= settings_.first && i + 1 < steps_.size() && sample_.defined() && velocity_.defined() && rate_) {
        const double size = ops::mean_abs(ctx, velocity_), moved = ops::mean_abs_difference(ctx, x, sample_);
        const auto error = static_cast<float>(error_ + *rate_ * moved / size);
        computes_ = size == 0 || !(error < settings_.threshold);
        error_ = error;
    }
    if (!steps_[i].computes[index_of(Branch::positive)]) computes_ = false;
    if (computes_) error_ = 0;
    sample_ = x;
}

Tensor EasyCache::skipped(Context& ctx, Branch branch, const Tensor& x) const {
    return ops::add(ctx, x, differences_[index_of(branch)]);
}

void EasyCache::computed(Context& ctx, Branch branch, const Tensor& x, const Tensor& velocity) {
    differences_[index_of(branch)] = ops::axpby(ctx, 1.0f, velocity, -1.0f, x);
    if (branch == Branch::negative) return;
    if (velocity_.defined() && computed_sample_.defined()) {
        const double moved = ops::mean_abs_difference(ctx, x, computed_sample_);
        rate_.reset();
        if (moved > 0) rate_ = static_cast<float>(ops::mean_abs_difference(ctx, velocity, velocity_) / moved);
    }
    computed_sample_ = x;
    velocity_ = velocity;
}

void EasyCache::save(Context& ctx, std::map<std::string, Tensor>& further) const {
    const auto add = [&](const std::string& name, const Tensor& x) {
        if (x.defined()) further[name] = x;
    };
    const auto add_number = [&](const char* name, float value) { further[name] = from_span(ctx, {&value, 1}, {1}); };
    add(kSample, sample_);
    add(kComputedSample, computed_sample_);
    add(kVelocity, velocity_);
    if (rate_) add_number(kRate, *rate_);
    add_number(kError, error_);
    for (size_t b = 0; b < kBranches; ++b) add(kDifference + std::to_string(b), differences_[b]);
}

void EasyCache::restore(Context& ctx, const std::map<std::string, Tensor>& further) {
    const auto take = [&](const std::string& name) {
        const auto found = further.find(name);
        return found == further.end() ? Tensor() : to_device(ctx, found->second);
    };
    const auto number = [&](const char* name) {
        const auto found = further.find(name);
        if (found == further.end()) return std::optional<float>();
        const Tensor value = to_host(ctx, found->second);  // const: saved states are mapped files
        return std::optional(value.span<float>()[0]);
    };
    sample_ = take(kSample);
    computed_sample_ = take(kComputedSample);
    velocity_ = take(kVelocity);
    rate_ = number(kRate);
    error_ = number(kError).value_or(0.0f);
    for (size_t b = 0; b < kBranches; ++b) differences_[b] = take(kDifference + std::to_string(b));
}

}  // namespace t3video::sampling
