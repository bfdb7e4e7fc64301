// Modules without a network: sampling, noise, token ids, window attention at the published grids.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/cli/module.h"
#include "core/error.h"
#include "core/paths.h"
#include "ops/attention.h"
#include "ops/convert.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "session/denoise.h"
#include "text/clean.h"
#include "text/tokenizer.h"

namespace t3video::apps {
namespace {

Tensor vector_of(Context& ctx, std::span<const double> values) {
    return from_span(ctx, std::vector<float>(values.begin(), values.end()), {static_cast<int64_t>(values.size())});
}

// T3's Euler schedule is written without its closing 0, as its reference lists it.
Outputs schedule_tensors(Context& ctx, const sampling::Solver& solver, const sampling::Schedule& schedule) {
    const size_t sigmas = schedule.sigmas.size() - (solver.name == "euler" ? 1 : 0);
    return {{"timesteps", vector_of(ctx, schedule.timesteps)},
            {"sigmas", vector_of(ctx, std::span(schedule.sigmas).first(sigmas))}};
}

// A reproducible value in -1..1 for each index, from an integer hash.
float hashed(uint32_t index, uint32_t salt) {
    uint32_t u = index * 2654435761u + salt * 40503u + 12345u;
    u ^= u >> 15;
    u *= 2246822519u;
    u ^= u >> 13;
    u *= 3266489917u;
    u ^= u >> 16;
    return static_cast<float>(u >> 8) / 8388608.0f - 1.0f;
}

// [ids, width] of factor * hash(token * width + channel)
Tensor hashed_rows(Context& ctx, std::span<const int64_t> ids, int64_t width, uint32_t salt, float factor) {
    Tensor x = empty(ctx, {static_cast<int64_t>(ids.size()), width});
    float* px = x.data<float>();
    ctx.parallel_for(x.dim(0), 256, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            const auto base = static_cast<uint32_t>(ids[static_cast<size_t>(i)] * width);
            for (int64_t c = 0; c < width; ++c)
                px[i * width + c] = factor * hashed(base + static_cast<uint32_t>(c), salt);
        }
    });
    return x;
}

// Attention output of the listed tokens, each over the tokens of its own window. -> [tokens, width]
Tensor attend_listed(Context& ctx, const std::vector<int64_t>& tokens, const ops::TokenWindows& windows, int64_t width,
                     uint32_t salt) {
    std::vector<int64_t> window_of(windows.order.size());
    for (size_t w = 0; w + 1 < windows.starts.size(); ++w) {
        for (int64_t i = windows.starts[w]; i < windows.starts[w + 1]; ++i) {
            window_of[static_cast<size_t>(windows.order[static_cast<size_t>(i)])] = static_cast<int64_t>(w);
        }
    }
    std::map<int64_t, std::vector<size_t>> rows_of;  // window -> places in `tokens`
    for (size_t i = 0; i < tokens.size(); ++i) rows_of[window_of[static_cast<size_t>(tokens[i])]].push_back(i);

    Tensor out = empty(ctx, {static_cast<int64_t>(tokens.size()), width});
    for (const auto& [window, rows] : rows_of) {
        const int64_t first = windows.starts[static_cast<size_t>(window)],
                      last = windows.starts[static_cast<size_t>(window) + 1];
        const auto members =
            std::span(windows.order).subspan(static_cast<size_t>(first), static_cast<size_t>(last - first));
        std::vector<int64_t> queries;
        for (const size_t row : rows) queries.push_back(tokens[row]);
        const Tensor y = ops::attention(
            ctx, hashed_rows(ctx, queries, width, salt, 2), hashed_rows(ctx, members, width, salt + 1, 2),
            hashed_rows(ctx, members, width, salt + 2, 1), {.scale = 1.0f / std::sqrt(static_cast<float>(width))});
        for (size_t i = 0; i < rows.size(); ++i) {
            std::copy_n(y.data<float>() + static_cast<int64_t>(i) * width, width,
                        out.data<float>() + static_cast<int64_t>(rows[i]) * width);
        }
    }
    return out;
}

// The same on a GPU, which has the memory and the speed to attend with every token.
Tensor attend_all(Context& ctx, const std::vector<int64_t>& tokens, const ops::TokenWindows& windows, int64_t width,
                  uint32_t salt) {
    std::vector<int64_t> all(windows.order.size());
    std::iota(all.begin(), all.end(), 0);
    Context host(ctx.threads());
    const auto rows = [&](uint32_t tensor_salt, float scale) {
        return ops::convert(ctx, to_device(ctx, hashed_rows(host, all, width, tensor_salt, scale)), ctx.compute_type());
    };
    const Tensor q = rows(salt, 2), k = rows(salt + 1, 2), v = rows(salt + 2, 1);
    const ops::TokenWindows* const branches[] = {&windows};
    const float scale = 1.0f / std::sqrt(static_cast<float>(width));
    return ops::gather_rows(ctx, ops::window_attention(ctx, q, k, v, 1, scale, branches), tokens);
}

}  // namespace

Outputs run_solver(Context& ctx, const ModuleOptions& options, const Inputs& in) {
    const auto solver = sampling::find_solver(options.solver);
    const auto schedule = options.schedule(solver);
    const Tensor noise = in.floats(ctx, "noise", Inputs::kAnyRank);
    const Tensor velocities = in.floats(ctx, "model_outputs", noise.rank() + 1);
    require_valid(velocities.dim(0) == schedule.steps() && velocities.numel() == noise.numel() * schedule.steps(),
                  "solver: model_outputs ", velocities.shape(), " for noise ", noise.shape(), " and ", schedule.steps(),
                  " steps");
    int64_t step = 0;
    std::vector<Tensor> trace;
    const auto denoiser = [&](const Tensor& x, double) { return velocities.slice(step, step + 1).reshape(x.shape()); };
    const auto observer = [&](sampling::SampleState& state) {
        trace.push_back(batched(state.x));
        ++step;
    };
    solver.solve(ctx, denoiser, solver.start(ctx, noise, schedule), schedule, observer,
                 draws_of(ctx, in, noise.shape()));
    Outputs out = schedule_tensors(ctx, solver, schedule);
    out["trace"] = ops::concat(ctx, trace);
    return out;
}

Outputs run_schedule(Context& ctx, const ModuleOptions& options) {
    const auto solver = sampling::find_solver(options.solver);
    return schedule_tensors(ctx, solver, options.schedule(solver));
}

Outputs run_randn(Context& ctx, const ModuleOptions& o) {
    require_valid(o.generator == "cpu" || o.generator == "cuda", "--generator ", o.generator, ": expected cpu or cuda");
    require_valid((o.count > 0) != !o.shape.empty(), "module randn needs either --count N or --shape A,B,...");
    require_valid(std::ranges::all_of(o.shape, [](int64_t n) { return n > 0; }) && o.shape.size() <= Shape::kMaxRank,
                  "--shape: expected up to ", Shape::kMaxRank, " positive extents");
    const Shape shape = o.shape.empty() ? Shape{o.count} : Shape(o.shape);
    const auto source = o.generator == "cpu" ? film::NoiseSource::cpu : film::NoiseSource::cuda;
    return {{"out", session::make_noise(ctx, shape, o.seed, source, o.multiprocessors, o.draw)}};
}

void run_tokenize(const ModuleOptions& options) {
    require_valid(!options.model.empty(), "module tokenize needs --model: a model folder or a spiece.model");
    const bool folder = is_folder(options.model);
    const text::Tokenizer tokenizer(folder ? options.files().need(film::Part::tokenizer) : options.model);
    const auto ids = tokenizer.encode(options.raw ? options.text : text::clean_prompt(options.text));
    fmt::print("{}\n", fmt::join(ids, " "));
}

Outputs run_t3_attention(Context& ctx, const ModuleOptions&, const Inputs& in) {
    using nlohmann::json;
    std::vector<int64_t> grid_extents;
    t3::WindowLayout layout;
    int64_t width = 0;
    uint32_t salt = 0;
    try {
        grid_extents = json::parse(in.metadata("grid")).get<std::vector<int64_t>>();
        for (const auto& n : json::parse(in.metadata("window_counts")).get<std::vector<std::array<int64_t, 3>>>()) {
            layout.patterns.push_back({n[0], n[1], n[2]});
        }
        width = std::stoll(in.metadata("head_dim"));
        salt = static_cast<uint32_t>(std::stoul(in.metadata("salt")));
    } catch (const std::exception& error) {
        throw InvalidRequest(concat("t3-attention: malformed metadata: ", error.what()));
    }
    require_valid(grid_extents.size() == 3, "t3-attention: \"grid\" is not three numbers");
    layout.grid = {grid_extents[0], grid_extents[1], grid_extents[2]};
    t3::check_layout(layout, "t3-attention");
    const auto tokens = in.integers("tokens");
    for (const int64_t token : tokens) {
        require_valid(0 <= token && token < layout.grid.tokens(), "t3-attention: token ", token, " outside a grid of ",
                      layout.grid);
    }
    Outputs out;
    for (size_t k = 0; k < layout.patterns.size(); ++k) {
        const auto& counts = layout.patterns[k];
        const std::string name = "p" + std::to_string(k);
        const auto attend = ctx.device() == Device::cpu ? attend_listed : attend_all;
        const Tensor close = attend(ctx, tokens, t3::close_windows(layout.grid, counts), width, salt);
        const Tensor remote = t3::branches_coincide(layout.grid, counts)
                                  ? close
                                  : attend(ctx, tokens, t3::remote_windows(layout.grid, counts), width, salt);
        out[name + ".close"] = close;
        out[name + ".remote"] = remote;
        out[name + ".out"] = ops::axpby(ctx, 0.5f, close, 0.5f, remote);
    }
    return out;
}

}  // namespace t3video::apps
