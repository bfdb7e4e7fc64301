// Films that are measured on their way.
#include "session/calibrate.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "sampling/cache/fit.h"
#include "session/denoise.h"
#include "session/material.h"
#include "session/safe_points.h"

namespace t3video::session {
namespace {

using sampling::Branch;

constexpr int64_t kLeastSteps = 8;  // a polynomial of degree 4 wants more changes than it has terms

// Sums over some tokens of a residual and the one before.
struct TokenSums {
    double ratios = 0, moved = 0, size = 0;  // |r|/|before|; sum |r - before|; sum |before|
    int64_t tokens = 0;                      // that have a ratio
};

TokenSums sums_of(const float* now, const float* before, int64_t width) {
    TokenSums s;
    double squares = 0, squares_before = 0;
    for (int64_t c = 0; c < width; ++c) {
        const double x = now[c], y = before[c];
        squares += x * x;
        squares_before += y * y;
        s.moved += std::abs(x - y);
        s.size += std::abs(y);
    }
    if (squares_before == 0) return s;
    s.ratios = std::sqrt(squares / squares_before);
    s.tokens = 1;
    return s;
}

class CalibrationWatch final : public Watch {
  public:
    CalibrationWatch(Context& ctx, ResidualMeter& meter, Observer& observer, const std::stop_token& stop)
        : ctx_(ctx), meter_(meter), observer_(observer), stop_(stop) {}

    void begin(const char* stage, int64_t total, const char* unit) override { observer_.stage(stage, total, unit); }
    void embedded(const Tensor&, int64_t prompts) override { advance(prompts); }
    void encoding(int64_t frames) override { advance(frames); }
    void stepped(const sampling::SampleState& state) override { advance(state.step); }
    void end(const char*) override { observer_.stage_ended(); }
    ResidualObserver residuals() override {
        return
            [this](int64_t step, Branch branch, const Tensor& residual) { meter_.add(ctx_, step, branch, residual); };
    }

  private:
    void advance(int64_t done) {
        observer_.advanced(done);
        stop_early(stop_);
    }

    Context& ctx_;
    ResidualMeter& meter_;
    Observer& observer_;
    const std::stop_token& stop_;
};

// The film without a cache, with room for one residual beside it.
film::Film measured_film(film::Film film) {
    require_valid(film.settings.steps >= kLeastSteps, Field("steps", film.settings.steps), ": expected at least ",
                  kLeastSteps, " to measure how steps differ");
    film.settings.guidance = {};
    film.settings.cache = {.kind = sampling::CacheKind::mag, .threshold = 1, .retention = 1, .ratios = {{{1}, {1}}}};
    return film;
}

std::vector<double> fitted(std::span<const double> time_changes, const ResidualMeter& meter) {
    constexpr int kDegree = 4;
    std::vector<double> x, y;
    for (const auto& [step, change] : meter.changes()) {
        x.push_back(time_changes[step]);
        y.push_back(change);
    }
    return sampling::fit_polynomial(x, y, kDegree);
}

}  // namespace

ResidualMeter::ResidualMeter(std::vector<sampling::StepPasses> steps) : steps_(std::move(steps)) {
    for (auto& sums : sums_) sums.resize(steps_.size());
}

void ResidualMeter::add(Context& ctx, int64_t step, Branch branch, const Tensor& residual) {
    constexpr int64_t kRows = 4096;  // of the device at a time
    const auto i = static_cast<size_t>(step);
    const size_t b = sampling::index_of(branch);
    const int64_t tokens = residual.dim(0), width = residual.dim(1);
    Tensor& before = before_[b];
    const bool compares = before.defined() && sampling::continues(steps_, i);
    if (!before.defined()) before = empty_on_host(residual.shape());
    std::vector<TokenSums> of_token(static_cast<size_t>(tokens));
    for (int64_t first = 0; first < tokens; first += kRows) {
        const int64_t last = std::min(tokens, first + kRows);
        const Tensor rows = to_host(ctx, residual.slice(first, last));
        float* to = before.data<float>() + first * width;
        ctx.parallel_for(last - first, 64, [&](int64_t begin, int64_t end) {
            for (int64_t t = begin; t < end; ++t) {
                const float* now = rows.data<float>() + t * width;
                if (compares) of_token[static_cast<size_t>(first + t)] = sums_of(now, to + t * width, width);
                std::copy_n(now, width, to + t * width);
            }
        });
    }
    if (!compares) return;
    TokenSums all;  // in the order of tokens, so that the bits do not depend on threads
    for (const TokenSums& s : of_token) {
        all.ratios += s.ratios;
        all.moved += s.moved;
        all.size += s.size;
        all.tokens += s.tokens;
    }
    require_valid(all.tokens > 0 && std::isfinite(all.ratios + all.moved), "step ", step + 1,
                  ": what the layers add is 0 or not a number; no table can be made");
    sums_[b][i].ratios += all.ratios / double(all.tokens);
    sums_[b][i].films += 1;
    changes_.emplace_back(i, all.moved / all.size);
}

std::vector<double> ResidualMeter::ratios(Branch branch) const {
    const auto& own = sums_[sampling::index_of(branch)];
    const bool ran = std::ranges::any_of(own, [](const Sum& sum) { return sum.films > 0; });
    std::vector<double> ratios;
    for (const Sum& sum : ran ? own : sums_[0]) ratios.push_back(sum.films > 0 ? sum.ratios / double(sum.films) : 1.0);
    return ratios;
}

film::CacheTable calibrate(Session& session, const film::Request& request, std::span<const std::string> prompts,
                           Observer& observer, const std::stop_token& stop) {
    require(!prompts.empty(), "calibrate: no prompts");
    Context& ctx = session.context();
    const plan::Poll early = [&] { stop_early(stop); };
    const Patience patience(ctx, stop, kPatience, early);
    FileModel& model = session.open(request);
    const film::Networks& networks = model.networks();
    const film::ModelTraits traits = networks.traits();
    auto [film, input] = film::open_film(request, model.files(), traits,
                                         {ctx.threads(), plan::host_memory(ctx, session.memory()), stop});
    const film::Settings asked = film.settings;
    film = measured_film(std::move(film));
    for (const std::string& note : networks.notes) observer.note(Message(note));

    auto schedule = schedule_of(film);
    if (request.bf16_timesteps) sampling::round_timesteps(schedule);
    const auto steps = passes_of(film, networks.experts, schedule);
    ResidualMeter meter(steps);
    plan::Machine machine = session.machine();
    machine.input_bytes = static_cast<size_t>(input.bytes());
    for (const std::string& prompt : prompts) {
        film::Request one = request;
        one.prompt = prompt;
        one.seed = request.seed + static_cast<uint64_t>(&prompt - prompts.data());
        film::Input frames = input;
        Material material = material_of(model, one, film, frames, observer);
        plan::Plan plan = session.plan(model, film, material, machine, early);
        std::erase_if(plan.stages, [](const plan::StagePlan& stage) { return stage.name == "decode"; });
        const Message why =
            refusal(plan, networks, film, machine, other_films(model.files(), traits, film.settings, request.attention),
                    observer, early);
        if (!why.empty()) throw InvalidRequest(why);
        observer.note(Message("Film ", &prompt - prompts.data() + 1, " of ", prompts.size(), ": ", prompt));
        CalibrationWatch watch(ctx, meter, observer, stop);
        session.run(model, film, plan, material, watch);
        meter.next_film();
    }

    Context host;
    const auto fit = [&](bool projected) {
        constexpr double kThreshold = 0.1;  // a tenth of the residual
        return film::CacheTable::Tea{fitted(time_changes(host, networks.experts, steps, schedule, projected), meter),
                                     kThreshold};
    };
    const double pixels = double(asked.width) * double(asked.height);
    film::CacheTable table{.name = model.files().dit.parent_path().filename().string(),
                           .sizes = traits.sizes,
                           .attention = film::windows_text(film.attention.layout)};
    table.source = concat("t3video calibrate: ", prompts.size(), prompts.size() == 1 ? " film of " : " films of ",
                          asked.width, "x", asked.height, ", ", asked.frames, " frames, ", asked.steps, " steps of ",
                          asked.solver, ", shift ", asked.shift, ", cfg ", asked.cfg);
    table.tea = fit(false);
    table.tea_ret = fit(true);
    table.mag = film::usual_mag(traits.sizes, pixels);
    table.mag->ratios = {meter.ratios(Branch::positive), meter.ratios(Branch::negative)};
    return table;
}

}  // namespace t3video::session
