// AdamW over all trained parameters of a model, with what belongs around it: the whole norm is clipped, steps that are
// not finite are left out, a running mean of the weights follows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/param.h"

namespace t3video::training {

struct AdamWOptions {
    double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, decay = 0.01;
    double clip = 1.0;               // the gradient's norm over all parameters at most; 0: as it is
    bool moments_in_8_bits = false;  // a quarter of their memory (tensor/op_types.h: AdamMoment); small ones stay f32
    bool moments_on_host = false;    // they wait in pinned host memory and visit the device beside the work
    double ema = 0;                  // kept of the mean of weights in each step, such as 0.99; 0: no such mean
};

// The parameters of a model that are trained, in the order of its walk.
template <class Model>
std::vector<nn::Param*> trained_params(Model& model) {
    std::vector<nn::Param*> trained;
    model.for_each_param("", [&](const std::string&, nn::Param& param) {
        if (param.gradient()) trained.push_back(&param);
    });
    return trained;
}

class AdamW {
  public:
    // Throws InvalidRequest for numbers that no step can be taken with.
    explicit AdamW(const AdamWOptions& options);

    // Makes the moments (and the mean) of these parameters; step() does so where nobody did.
    void prepare(Context& ctx, const std::vector<nn::Param*>& trained);

    struct Result {
        double norm = 0;       // of the gradient, before it is clipped
        bool skipped = false;  // it was not finite: weights, moments and step count stay as they were
    };
    // The gradients that stand in the parameters are sums over so many samples; then they are zero. Parameters are
    // those of the first step, in the same order.
    Result step(Context& ctx, const std::vector<nn::Param*>& trained, double rate, int64_t samples = 1);

    int64_t steps() const { return steps_; }      // that were taken
    int64_t skipped() const { return skipped_; }  // that were not
    // The mean of the i-th trained parameter, f32; undefined without ema, and before prepare().
    Tensor mean(size_t i) const { return i < states_.size() ? states_[i].mean : Tensor(); }

    // What a run goes on from: visit("m", tensor), and "v", their scales, and the mean, of the i-th parameter, in the
    // memory where they wait.
    template <class Visit>
    void for_each_state(size_t i, Visit&& visit) {
        State& state = states_.at(i);
        visit("m", state.m.values);
        if (state.m.in_8_bits()) visit("m_scales", state.m.scales);
        visit("v", state.v.values);
        if (state.v.in_8_bits()) visit("v_scales", state.v.scales);
        if (state.mean.defined()) visit("mean", state.mean);
    }
    void set_counts(int64_t steps, int64_t skipped) {
        steps_ = steps;
        skipped_ = skipped;
    }

  private:
    struct State {
        ops::AdamMoment m, v;
        Tensor mean;
    };
    // Moments on their way to the device, there, and on their way back.
    struct Visit {
        ops::AdamMoment m, v;
        std::vector<std::shared_ptr<void>> copies;
    };
    ops::AdamMoment make_moment(Context& ctx, const Shape& shape) const;
    Visit fetch(Context& ctx, const State& state) const;
    void send_back(Context& ctx, Visit& visit, State& state) const;

    AdamWOptions options_;
    std::vector<State> states_;
    int64_t steps_ = 0, skipped_ = 0;
};

}  // namespace t3video::training
