// UniPC (Zhao et al., 2023), for flow matching: alpha = 1 - sigma. Index i counts steps; m_i is the clean sample
// predicted at step i from the sample before its correction.
#include "sampling/unipc.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/error.h"
#include "sampling/combine.h"

namespace t3video::sampling {
namespace {

// x of sum_k x_k r_k^(i-1) = b_i, i = 1 .. n, by elimination with pivots.
std::vector<double> solve_powers(const std::vector<double>& r, const std::vector<double>& b) {
    const size_t n = r.size();
    std::vector<std::vector<double>> rows(n, std::vector<double>(n + 1));
    for (size_t i = 0; i < n; ++i) {
        for (size_t k = 0; k < n; ++k) rows[i][k] = std::pow(r[k], static_cast<double>(i));
        rows[i][n] = b[i];
    }
    for (size_t c = 0; c < n; ++c) {
        const auto larger = [c](const auto& x, const auto& y) { return std::abs(x[c]) < std::abs(y[c]); };
        std::swap(rows[c], *std::max_element(rows.begin() + static_cast<std::ptrdiff_t>(c), rows.end(), larger));
        for (size_t i = 0; i < n; ++i) {
            if (i == c) continue;
            const double factor = rows[i][c] / rows[c][c];
            for (size_t k = c; k <= n; ++k) rows[i][k] -= factor * rows[c][k];
        }
    }
    std::vector<double> x(n);
    for (size_t i = 0; i < n; ++i) x[i] = rows[i][n] / rows[i][i];
    return x;
}

// A move of the sample from noise level `from` to `to` with what earlier steps predicted: h = lambda(to) -
// lambda(from), E = e^-h - 1, B = E, or -h in variant bh1.
class Move {
  public:
    Move(double from, double to, const UnipcOptions& options)
        : ratio_(to / from),
          alpha_(1 - to),
          h_(lambda(to) - lambda(from)),
          e_(std::expm1(-h_)),
          b_(options.bh1 ? -h_ : e_) {}

    double h() const { return h_; }
    double ratio() const { return ratio_; }
    // ratio*x - alpha*E*m0 - alpha*B * sum of rho_k (m_k - m0)/r_k
    double of_base() const { return -alpha_ * e_; }
    double of_difference(double rho, double r) const { return -alpha_ * b_ * rho / r; }

    // rho of those equations: sum_k rho_k r_k^(i-1) = b_i = i! phi_(i+1) / B, where phi_1 = E/-h and phi_(i+1) =
    // (phi_i - 1/i!)/-h.
    std::vector<double> weights(const std::vector<double>& r) const {
        std::vector<double> b;
        double phi = e_ / -h_ - 1, factorial = 1;
        for (size_t i = 1; i <= r.size(); ++i) {
            b.push_back(phi * factorial / b_);
            factorial *= static_cast<double>(i + 1);
            phi = phi / -h_ - 1 / factorial;
        }
        return solve_powers(r, b);
    }

  private:
    double ratio_, alpha_, h_, e_, b_;
};

// (lambda_(i-k) - lambda_i)/h for k = 1 .. order-1
std::vector<double> distances(const Schedule& schedule, size_t i, int order, double h) {
    std::vector<double> r;
    for (size_t k = 1; k < static_cast<size_t>(order); ++k)
        r.push_back((lambda(schedule.sigmas[i - k]) - lambda(schedule.sigmas[i])) / h);
    return r;
}

// The sample of step i again, from the corrected sample y of step i-1 and m_(i-1) .. m_(i-order), with m_i too.
Tensor correct(Context& ctx, const Schedule& schedule, const SampleState& state, const Tensor& m, int order,
               const UnipcOptions& options) {
    const auto i = static_cast<size_t>(state.step);
    const Move move(schedule.sigmas[i - 1], schedule.sigmas[i], options);
    std::vector<double> r = distances(schedule, i - 1, order, move.h());
    r.push_back(1.0);
    const std::vector<double> rho = order == 1 ? std::vector{0.5} : move.weights(r);
    double base = move.of_base();
    std::vector<Term> terms{{move.ratio(), state.history[0]}, {0, state.history[1]}};
    for (size_t k = 0; k < r.size(); ++k) {
        const double difference = move.of_difference(rho[k], r[k]);
        base -= difference;
        terms.push_back({difference, k + 1 == r.size() ? m : state.history[k + 2]});
    }
    terms[1].coefficient = base;
    return combine(ctx, terms);
}

// The sample of step i+1 from x at step i and m_i .. m_(i-order+1). At order 2 the weight is 1/2, as in the reference.
Tensor predict(Context& ctx, const Schedule& schedule, const SampleState& state, const Tensor& x, const Tensor& m,
               int order, const UnipcOptions& options) {
    const auto i = static_cast<size_t>(state.step);
    const Move move(schedule.sigmas[i], schedule.sigmas[i + 1], options);
    const std::vector<double> r = distances(schedule, i, order, move.h());
    const std::vector<double> rho = order == 2 ? std::vector{0.5} : move.weights(r);
    double base = move.of_base();
    std::vector<Term> terms{{move.ratio(), x}, {0, m}};
    for (size_t k = 0; k < r.size(); ++k) {
        const double difference = move.of_difference(rho[k], r[k]);
        base -= difference;
        terms.push_back({difference, state.history[k + 1]});
    }
    terms[1].coefficient = base;
    return combine(ctx, terms);
}

void check_history(const SampleState& start, int order) {
    const size_t size = start.history.size();
    const bool fits = size == 0 || (size >= 2 && size <= static_cast<size_t>(order) + 1 &&
                                    start.step >= static_cast<int64_t>(size) - 1);
    require(fits, "unipc: ", size, " tensors of history at step ", start.step);
}

}  // namespace

Tensor unipc(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
             const StepObserver& observer, const UnipcOptions& options) {
    require(options.order >= 1 && options.order <= 5, "unipc: order ", options.order);
    check_history(start, options.order);
    const auto step = [&](SampleState& state, const Tensor& velocity) {
        const Tensor m = predict_clean(ctx, state.x, schedule.sigmas[static_cast<size_t>(state.step)], velocity);
        const auto known = static_cast<int64_t>(state.history.size()) - 1, left = schedule.steps() - state.step;
        const auto order_of = [&](int64_t predictions, int64_t steps_left) {
            return static_cast<int>(std::min<int64_t>({options.order, predictions, steps_left}));
        };
        const Tensor x =
            state.history.empty() ? state.x : correct(ctx, schedule, state, m, order_of(known, left + 1), options);
        state.x = predict(ctx, schedule, state, x, m, order_of(std::max<int64_t>(known, 0) + 1, left), options);
        if (!state.history.empty()) state.history.erase(state.history.begin());
        state.history.insert(state.history.begin(), {x, m});
        if (state.history.size() > static_cast<size_t>(options.order) + 1) state.history.pop_back();
    };
    return run_steps(denoiser, std::move(start), schedule, step, observer);
}

}  // namespace t3video::sampling
