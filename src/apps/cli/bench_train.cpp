// t3video bench train: how fast this machine takes a training step, and in how much memory, with random weights and
// data.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/cli/bench.h"
#include "apps/common/log.h"
#include "core/error.h"
#include "core/readable_bytes.h"
#include "film/published.h"
#include "ops/devices.h"
#include "ops/stopwatch.h"
#include "training/run/fields.h"

namespace t3video::apps {
namespace {

struct Part {
    std::vector<double> seconds;  // of each run
    Work work;                    // of one
};

training::TrainOptions options_of(const BenchOptions& o, DType compute_type) {
    require_valid(o.lora >= 0 && o.lora <= 4096, "--lora ", o.lora,
                  ": expected a rank of 1 to 4096, or 0 for all weights");
    require_valid(o.batch >= 1 && o.batch <= 1024, "--batch ", o.batch, ": expected 1 to 1024 clips");
    training::RunOptions run;
    run.rank = o.lora;
    for (const auto& [name, value] : {std::pair("states", o.states), {"streams", o.streams}})
        training::find_run_field(name)->set(run, Field(name, value));
    training::TrainOptions t = run.train_options();
    t.stream = parse_stream(o.stream, compute_type);
    t.deterministic = o.deterministic;
    return t;
}

double gib(size_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(1 << 30);
}

}  // namespace

void check_bench_train(const BenchOptions& o) {
    options_of(o, DType::f32);
    require_valid(!o.steps && !o.cfg && !o.backward && o.input.empty() && o.output.empty(),
                  "bench train has no use for --steps, --cfg, --backward, --input and --output");
}

void bench_train(Context& ctx, const BenchOptions& o, const BenchModel& model, const t3::WindowLayout& layout,
                 double matrix_rate) {
    constexpr int64_t kTextRows = 100, kPadding = 412;
    const training::TrainOptions options = options_of(o, ctx.compute_type());
    const Grid grid = layout.grid;
    const Shape latent{model.dit.in_channels, grid.t, grid.h * 2, grid.w * 2};
    const plan::Machine machine = plan::machine_of(ctx, o.compute.bytes());
    const training::StepPlan plan = training::plan_step(film::without_values(models::WanDit(model.dit)), layout, latent,
                                                        kTextRows, kPadding, options, machine, o.batch);
    require_valid(plan.bytes + machine.taken <= machine.allowed, "a step takes ",
                  readable_bytes(plan.bytes + machine.taken), ", and ", readable_bytes(machine.allowed),
                  " may be taken; ", machine.on_cpu() ? "" : "--streams host, --states host, ",
                  "--states 8bit, --lora 64 and a smaller --batch, --size or --frames take less");
    const auto host = static_cast<size_t>(plan::host_memory(ctx, o.compute.bytes()));
    require_valid(plan.host_bytes <= host, "a step takes ", readable_bytes(plan.host_bytes),
                  " of pinned host memory, and the machine has ", readable_bytes(host),
                  "; --streams device, --states 8bit or f32 and a smaller --batch, --size or --frames take less");

    fmt::print(
        "{} x {} tokens; planned: {:.2f} GiB where it computes, {:.2f} GiB of pinned host memory, {:.3f} TFLOP a "
        "step\n",
        o.batch, grid.tokens(), gib(plan.bytes), gib(plan.host_bytes), flop(plan.total()) / 1e12);
    models::WanDit dit(model.dit);
    uint64_t index = 0;
    dit.for_each_param("", [&](const auto& name, nn::Param& param) {
        param.value = film::random_weight(ctx, name, param, index++);
        if (options.adapters) {
            nn::make_resident(ctx, param);
        } else {
            nn::make_trainable(ctx, param);
        }
    });
    ctx.allocator().trim();
    ctx.allocator().reset_peak();
    // Of the CPU frozen weights would be in a mapped file.
    const size_t mapped = options.adapters && machine.on_cpu() ? ctx.allocator().peak() : 0;
    training::Trainer trainer(ctx, std::move(dit), options);
    const t3::LayoutWindows windows(ctx, layout, o.batch);
    std::vector<training::Sample> samples(static_cast<size_t>(o.batch));
    for (size_t i = 0; i < samples.size(); ++i) {
        training::Sample& sample = samples[i];
        const uint64_t seed = 3 * i;
        sample.latents = ops::random_normal(ctx, latent, DType::f32, seed + 8, 0, 1);
        sample.noise = ops::random_normal(ctx, latent, DType::f32, seed + 9, 0, 1);
        sample.text = {ops::random_normal(ctx, {kTextRows, model.dit.text_dim}, DType::f32, seed + 7, 0, 1), kPadding};
        sample.timestep = 800;
        sample.sigma = 0.8;
    }

    std::map<std::string, Part> parts;
    std::vector<double> losses;
    for (int64_t run = 0; run <= o.repeat; ++run) {
        ops::Stopwatch watch(ctx);
        Work before = ctx.work();
        double last = 0;
        const auto end = [&](const char* name) {
            const double now = watch.seconds();
            Part& part = parts[name];
            part.work = ctx.work() - before;
            if (run > 0 || o.repeat == 0) part.seconds.push_back(now - last);
            before = ctx.work();
            last = now;
        };
        double loss = 0;
        for (const training::StepResult& result : trainer.add(ctx, samples, windows, end))
            loss += result.loss / static_cast<double>(o.batch);
        losses.push_back(loss);
        const training::AdamW::Result result = trainer.update(ctx, 1e-5);
        require(!result.skipped, "bench train: the gradient's norm is ", result.norm);
        end("update");
    }
    const size_t peak = ctx.allocator().peak() - mapped;

    fmt::print("{:12} {:>10} {:>9} {:>9} {:>6}\n", "", "seconds", "TFLOP", "TFLOP/s", "share");
    Part step;
    nlohmann::json runs = nlohmann::json::array();
    const auto row = [&](const char* name, const Part& part) {
        const double seconds = median(part.seconds), rate = flop(part.work) / seconds;
        fmt::print("{:12} {:10.4f} {:9.3f} {:9.3f} {:5.0f}%\n", name, seconds, flop(part.work) / 1e12, rate / 1e12,
                   100 * rate / matrix_rate);
        runs.push_back({{"name", name}, {"seconds", seconds}, {"flop", flop(part.work)}, {"bytes", part.work.bytes}});
    };
    for (const char* name : {"forward", "backward", "update"}) {
        const Part& part = parts.at(name);
        row(name, part);
        step.seconds.resize(part.seconds.size());
        for (size_t i = 0; i < part.seconds.size(); ++i) step.seconds[i] += part.seconds[i];
        step.work += part.work;
    }
    row("step", step);
    if (o.batch > 1) fmt::print("{:12} {:10.4f}\n", "a clip", median(step.seconds) / static_cast<double>(o.batch));
    fmt::print("share: of a large matrix product in the same run, {:.3f} TFLOP/s\n", matrix_rate / 1e12);
    fmt::print("peak {:.2f} GiB, {:+.1f} % of the plan; {} numbers are trained; losses {:.6f} to {:.6f}\n", gib(peak),
               100 * (static_cast<double>(peak) / static_cast<double>(plan.bytes) - 1), trainer.numbers(),
               losses.front(), losses.back());
    if (o.json.empty()) return;
    write_figures(o.json, {{"what", o.what},
                           {"model", o.model},
                           {"size", o.size},
                           {"frames", o.frames},
                           {"lora", o.lora},
                           {"batch", o.batch},
                           {"states", o.states},
                           {"streams", o.streams},
                           {"device", ops::cuda_devices()},
                           {"matrix_flop_per_second", matrix_rate},
                           {"planned_bytes", plan.bytes},
                           {"planned_host_bytes", plan.host_bytes},
                           {"peak_bytes", peak},
                           {"losses", losses},
                           {"runs", runs}});
}

}  // namespace t3video::apps
