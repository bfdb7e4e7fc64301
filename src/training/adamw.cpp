// AdamW over all trained parameters of a model.
#include "training/adamw.h"

#include <cmath>
#include <utility>

#include "core/error.h"
#include "ops/optimizer.h"

namespace t3video::training {
namespace {

constexpr int64_t kSmall = 4096;  // numbers whose moments stay f32: they take little, and norms and biases are delicate

// f(tensor) for what a moment consists of.
template <class Moment, class F>
void for_each_part(Moment& moment, F&& f) {
    f(moment.values);
    if (moment.in_8_bits()) f(moment.scales);
}

// A tensor of x's shape and type in pinned memory, with x's bytes.
Tensor pinned(Context& ctx, const Tensor& x) {
    Tensor host(x.shape(), x.dtype(), ctx.allocator().allocate_pinned(x.bytes()));
    ctx.allocator().copy(host.raw(), x.raw(), x.bytes(), Transfer::download);
    return host;
}

}  // namespace

AdamW::AdamW(const AdamWOptions& o) : options_(o) {
    const auto in_unit = [](double x) { return x >= 0 && x < 1; };
    const auto positive = [](double x) { return x >= 0 && std::isfinite(x); };
    require_valid(in_unit(o.beta1) && in_unit(o.beta2), Field("betas", o.beta1, ',', o.beta2),
                  ": expected two numbers of 0 or more and less than 1");
    require_valid(in_unit(o.ema), Field("ema", o.ema), ": expected 0 or more and less than 1");
    require_valid(positive(o.decay), Field("decay", o.decay), ": expected 0 or more");
    require_valid(positive(o.clip), Field("clip", o.clip), ": expected 0 or more");
    require_valid(positive(o.eps) && o.eps > 0, "AdamW: eps ", o.eps, ", expected a number above 0");
}

ops::AdamMoment AdamW::make_moment(Context& ctx, const Shape& shape) const {
    const int64_t n = shape.numel();
    if (!options_.moments_in_8_bits || n < kSmall) return {zeros(ctx, shape), {}};
    // Blocks of scale 0 hold zeros, whatever their codes.
    return {zeros(ctx, shape, DType::u8), zeros(ctx, {(n + ops::kMomentBlock - 1) / ops::kMomentBlock})};
}

void AdamW::prepare(Context& ctx, const std::vector<nn::Param*>& trained) {
    if (states_.empty()) {
        for (const nn::Param* param : trained) {
            State state{make_moment(ctx, param->shape), make_moment(ctx, param->shape), {}};
            for (ops::AdamMoment* moment : {&state.m, &state.v}) {
                if (options_.moments_on_host) for_each_part(*moment, [&](Tensor& x) { x = pinned(ctx, x); });
            }
            if (options_.ema > 0) state.mean = clone(ctx, param->value.numbers());
            states_.push_back(std::move(state));
        }
    }
    require(states_.size() == trained.size(), "adamw: ", trained.size(), " parameters, ", states_.size(), " before");
}

AdamW::Visit AdamW::fetch(Context& ctx, const State& state) const {
    Visit visit{state.m, state.v, {}};
    if (!options_.moments_on_host) return visit;
    for (ops::AdamMoment* moment : {&visit.m, &visit.v}) {
        for_each_part(*moment, [&](Tensor& x) {
            const Tensor host = x;
            x = empty(ctx, host.shape(), host.dtype());
            visit.copies.push_back(ctx.allocator().upload_beside(x.raw(), host.raw(), host.bytes()));
        });
    }
    return visit;
}

void AdamW::send_back(Context& ctx, Visit& visit, State& state) const {
    visit.copies.clear();
    if (!options_.moments_on_host) return;
    const auto send = [&](const Tensor& from, Tensor& host) {
        visit.copies.push_back(ctx.allocator().download_beside(host.raw(), from.raw(), from.bytes()));
    };
    for (auto [from, to] : {std::pair{&visit.m, &state.m}, {&visit.v, &state.v}}) {
        send(from->values, to->values);
        if (from->in_8_bits()) send(from->scales, to->scales);
    }
}

AdamW::Result AdamW::step(Context& ctx, const std::vector<nn::Param*>& trained, double rate, int64_t samples) {
    require(samples >= 1, "adamw: a step of ", samples, " samples");
    prepare(ctx, trained);
    std::vector<Tensor> gradients;
    for (const nn::Param* param : trained) gradients.push_back(param->grad);
    const double share = 1.0 / static_cast<double>(samples);
    const Result result{.norm = share * std::sqrt(ops::sum_of_squares(ctx, gradients))};
    if (!std::isfinite(result.norm)) {
        for (Tensor& gradient : gradients) fill_zero(ctx, gradient);
        ++skipped_;
        return {result.norm, true};
    }
    ++steps_;
    const double clipped = options_.clip > 0 && result.norm > options_.clip ? options_.clip / result.norm : 1.0;
    const auto correction = [&](double beta) {
        return static_cast<float>(1.0 - std::pow(beta, static_cast<double>(steps_)));
    };
    const ops::AdamStep how{.rate = static_cast<float>(rate),
                            .beta1 = static_cast<float>(options_.beta1),
                            .beta2 = static_cast<float>(options_.beta2),
                            .eps = static_cast<float>(options_.eps),
                            .decay = static_cast<float>(options_.decay),
                            .factor = static_cast<float>(clipped * share),
                            .correction1 = correction(options_.beta1),
                            .correction2 = correction(options_.beta2)};
    Visit next, leaving;
    if (!trained.empty()) next = fetch(ctx, states_[0]);
    for (size_t i = 0; i < trained.size(); ++i) {
        nn::Param& param = *trained[i];
        Visit visit = std::move(next);
        for (const auto& copy : visit.copies) ctx.allocator().wait_for(copy);
        next = i + 1 < trained.size() ? fetch(ctx, states_[i + 1]) : Visit();
        Tensor value = param.value.numbers(), read = param.prepared.blobs[0];
        const bool same = read.raw() == value.raw();
        ops::adamw(ctx, how, gradients[i], value, visit.m, visit.v, same ? nullptr : &read);
        send_back(ctx, visit, states_[i]);
        leaving.copies.clear();  // they end before their memory is written again
        leaving = std::move(visit);
        if (states_[i].mean.defined()) ops::blend_into(ctx, states_[i].mean, value, static_cast<float>(options_.ema));
        fill_zero(ctx, gradients[i]);
    }
    leaving.copies.clear();
    return result;
}

}  // namespace t3video::training
