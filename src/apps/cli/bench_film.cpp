// t3video bench pipeline: a whole film with random weights, stage by stage, with what was planned beside it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>

#include "apps/cli/bench.h"
#include "core/error.h"
#include "media/frame_writer.h"
#include "ops/devices.h"
#include "ops/stopwatch.h"
#include "pipeline/embed.h"
#include "pipeline/plan.h"
#include "pipeline/published.h"
#include "pipeline/stages.h"

namespace t3video::apps {
namespace {

struct Stage {
    std::string name;
    double seconds = 0;
    size_t peak = 0;  // bytes used at most, all that is set aside included
    pipeline::StagePlan plan = {};
};

// Networks without values of their own, and the film that they make.
struct Prepared {
    pipeline::Models models;
    pipeline::Film film;
    pipeline::Plan plan;
};

Prepared prepare(Context& ctx, const BenchOptions& o) {
    const bool demo = o.model == "demo";
    require_valid(demo || o.model == "wan2.1-1.3b" || o.model == "wan2.2-5b", "--model ", o.model,
                  ": expected wan2.1-1.3b, wan2.2-5b or demo");
    const auto files = demo ? pipeline::find_model(pipeline::demo_model_folder()) : pipeline::ModelFiles();
    auto models = demo ? pipeline::load_models(files) : pipeline::published_models(o.model);
    const BenchSize size = find_size(o.size);
    const pipeline::SettingChoices choices{
        .width = size.width, .height = size.height, .frames = o.frames, .steps = o.steps, .cfg = o.cfg};
    const auto film = pipeline::make_film(files, models.traits(), choices, pipeline::parse_attention(o.attention), {});
    const auto memory = o.compute.memory.empty() ? 0 : static_cast<int64_t>(parse_bytes(o.compute.memory));
    const auto machine = pipeline::machine_of(ctx, memory);
    auto plan = pipeline::plan_film(models, film, machine);
    pipeline::require_fits(plan, models, film, machine, pipeline::other_films(files, models.traits(), choices));
    return {std::move(models), film, std::move(plan)};
}

class FilmBench {
  public:
    FilmBench(Context& ctx, const BenchOptions& o) : ctx_(ctx), options_(o), work_(prepare(ctx, o)) {}

    void run() {
        const auto embeddings = text();
        const Tensor latent = denoise(embeddings);
        deviation_of(ctx_, to_device(ctx_, latent));
        decode(latent);
        print();
        if (!options_.json.empty()) save_json();
    }

  private:
    // Weights are made before `run`, which takes them, is timed. What one stage leaves is given back for the next.
    template <class Model, class Run, class... Part>
    void stage(const std::string& name, const char* shown, const Model& model, Run&& run, Part... part) {
        Allocator& allocator = ctx_.allocator();
        allocator.trim();
        allocator.reset_peak();
        pipeline::reserve(ctx_, work_.plan, name);
        Stage s{.name = shown, .plan = *std::ranges::find(work_.plan.stages, name, &pipeline::StagePlan::name)};
        const Model weights = pipeline::kept_at_random(ctx_, model, s.plan.keep, part...);
        const auto start = std::chrono::steady_clock::now();
        run(weights);
        ops::Stopwatch(ctx_).seconds();  // waits
        s.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        s.peak = allocator.peak() + allocator.set_aside();
        stages_.push_back(s);
    }

    // Prompts at their longest.
    pipeline::Embeddings text() {
        pipeline::Embeddings e;
        stage("text", "text", work_.models.text_encoder, [&](const models::Umt5& encoder) {
            const auto encode = [&](int64_t seed) {
                std::vector<int64_t> ids;
                for (int64_t i = 0; i < pipeline::kTextRows; ++i)
                    ids.push_back((i + seed) * 431 % encoder.config().vocabulary);
                return to_host(ctx_, encoder.forward(ctx_, ids));
            };
            e.positive = encode(1);
            if (work_.film.settings.cfg != 1) e.negative = encode(2);
        });
        return e;
    }

    // In host memory, as pipeline::generate hands it on.
    Tensor denoise(const pipeline::Embeddings& embeddings) {
        const auto& settings = work_.film.settings;
        const auto schedule =
            pipeline::solver_of(settings).schedule({.steps = settings.steps, .shift = settings.shift});
        Tensor latent;
        stage("denoise", "denoise", work_.models.dit(), [&](const models::WanDit& dit) {
            const Shape shape = pipeline::latent_shape(work_.film, work_.models.vae.config());
            const Tensor noise = ops::random_normal(ctx_, shape, DType::f32, 8, 0, 1);
            latent = to_host(ctx_, pipeline::denoise_film(ctx_, dit, work_.film, embeddings, schedule, {.x = noise},
                                                          {.together = work_.plan.together("denoise")}));
        });
        return latent;
    }

    void decode(const Tensor& latent) {
        const auto& settings = work_.film.settings;
        std::unique_ptr<media::FrameWriter> writer;
        if (!options_.output.empty())
            writer = media::open_writer(options_.output, settings.width, settings.height, settings.fps,
                                        {.threads = ctx_.threads()});
        int64_t frames = 0;
        const auto run = [&](const models::WanVae& vae) {
            pipeline::decode_film(ctx_, vae, settings, latent, work_.plan.band_rows,
                                  {.frame = [&](const media::Image& image) {
                                      if (writer) writer->write(image);
                                      ++frames;
                                  }});
            if (writer) writer->close();
        };
        stage("decode", writer ? "decode+write" : "decode", work_.models.vae, run, models::WanVae::Half::decoder);
        require(frames == settings.frames, "bench: ", frames, " frames came out, expected ", settings.frames);
    }

    double seconds() const {
        double sum = 0;
        for (const Stage& s : stages_) sum += s.seconds;
        return sum;
    }

    void print() const {
        const auto& s = work_.film.settings;
        fmt::print("{} at random, {}x{}, {} frames, {} steps of {}, cfg {}; {} tokens, {}\n", options_.model, s.width,
                   s.height, s.frames, s.steps, s.solver, s.cfg, work_.film.frames.grid.tokens(),
                   work_.film.attention.origin);
        fmt::print("{:<14} {:>10} {:>10} {:>10}\n", "stage", "seconds", "peak", "planned");
        for (const Stage& stage : stages_)
            fmt::print("{:<14} {:10.3f} {:>10} {:>10}{}\n", stage.name, stage.seconds,
                       pipeline::readable_bytes(stage.peak), pipeline::readable_bytes(stage.plan.bytes),
                       stage.plan.about_weights());
        fmt::print("{:<14} {:10.3f}\n", "all", seconds());
        fmt::print("{}\n", ctx_.device() == Device::cpu
                               ? "peak: tensors, weights among them; planned: with the program, weights in mapped files"
                               : "peak and planned: with weights and libraries");
    }

    void save_json() const {
        const auto& s = work_.film.settings;
        nlohmann::json stages = nlohmann::json::array();
        for (const Stage& stage : stages_) {
            stages.push_back({{"name", stage.name},
                              {"seconds", stage.seconds},
                              {"peak_bytes", stage.peak},
                              {"planned_bytes", stage.plan.bytes},
                              {"streamed", stage.plan.streamed()},
                              {"together", stage.plan.together}});
        }
        write_figures(options_.json, {{"what", options_.what},
                                      {"model", options_.model},
                                      {"size", options_.size},
                                      {"width", s.width},
                                      {"height", s.height},
                                      {"frames", s.frames},
                                      {"steps", s.steps},
                                      {"solver", s.solver},
                                      {"cfg", s.cfg},
                                      {"device", ops::cuda_devices()},
                                      {"stages", stages},
                                      {"seconds", seconds()}});
    }

    Context& ctx_;
    const BenchOptions& options_;
    Prepared work_;
    std::vector<Stage> stages_;
};

}  // namespace

void bench_film(Context& ctx, const BenchOptions& options) {
    if (!options.output.empty()) {
        media::check_output(options.output);
        require_valid(media::entries_of_output(options.output).empty(), "--output ", options.output,
                      ": is there; give another name");
    }
    FilmBench(ctx, options).run();
}

}  // namespace t3video::apps
