// t3video bench pipeline: a whole film with random weights, stage by stage, with what was planned beside it.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/cli/bench.h"
#include "apps/common/terminal.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/readable_bytes.h"
#include "film/published.h"
#include "media/frame_writer.h"
#include "ops/devices.h"
#include "ops/stopwatch.h"
#include "session/denoise.h"
#include "session/session.h"

namespace t3video::apps {
namespace {

struct Stage {
    std::string name;
    double seconds = 0;
    size_t peak = 0;  // bytes used at most, all that is set aside included
    plan::StagePlan plan = {};
};

// Times stages from the moment when their weights are there, and takes frames.
class Stopwatches final : public session::Watch {
  public:
    Stopwatches(Context& ctx, const plan::Plan& plan, media::FrameWriter* writer)
        : ctx_(ctx), plan_(plan), writer_(writer) {}

    void begin(const char*, int64_t, const char*) override {
        ctx_.allocator().reset_peak();
        start_ = Clock::now();
    }
    void prepared(const plan::StagePlan&, double) override {
        ops::Stopwatch(ctx_).seconds();  // waits
        start_ = Clock::now();
    }
    void frame(const media::Image& frame) override {
        if (writer_) writer_->write(frame);
        ++frames_;
    }
    void end(const char* name) override {
        const bool decode = std::string_view(name) == "decode";
        if (decode && writer_) writer_->close();
        ops::Stopwatch(ctx_).seconds();  // waits
        stages_.push_back({decode && writer_ ? "decode+write" : name, seconds_since(start_),
                           ctx_.allocator().peak() + ctx_.allocator().set_aside(), *plan_.find(name)});
    }

    const std::vector<Stage>& stages() const { return stages_; }
    int64_t frames() const { return frames_; }
    double seconds() const {
        double sum = 0;
        for (const Stage& s : stages_) sum += s.seconds;
        return sum;
    }

  private:
    Context& ctx_;
    const plan::Plan& plan_;
    media::FrameWriter* writer_;
    Clock::time_point start_;
    std::vector<Stage> stages_;
    int64_t frames_ = 0;
};

// Prompts at their longest, and noise made where the context computes.
session::Material random_material(const film::Networks& networks, const film::Film& film) {
    const auto ids = [&](int64_t seed) {
        std::vector<int64_t> all;
        for (int64_t i = 0; i < models::kTextRows; ++i)
            all.push_back((i + seed) * 431 % networks.text_encoder.config().vocabulary);
        return all;
    };
    session::Material material{.prompt = ids(1)};
    if (film.guided()) material.negative = ids(2);
    material.noise = [shape = latent_shape(film, networks.vae.config())](Context& ctx, int64_t draw) {
        return ops::random_normal(ctx, shape, DType::f32, 8 + static_cast<uint64_t>(draw), 0, 1);
    };
    return material;
}

void print(const BenchOptions& o, const film::Film& film, const Stopwatches& watches, Device device) {
    const auto& s = film.settings;
    fmt::print("{} at random, {}x{}, {} frames, {} steps of {}, cfg {}; {} tokens, {}\n", o.model, s.width, s.height,
               s.frames, s.steps, s.solver, s.cfg, film.size.grid.tokens(), film.attention.origin);
    fmt::print("{:<14} {:>10} {:>10} {:>10}\n", "stage", "seconds", "peak", "planned");
    for (const Stage& stage : watches.stages())
        fmt::print("{:<14} {:10.3f} {:>10} {:>10}{}\n", stage.name, stage.seconds, readable_bytes(stage.peak),
                   readable_bytes(stage.plan.total()), stage.plan.about_weights());
    fmt::print("{:<14} {:10.3f}\n", "all", watches.seconds());
    fmt::print("{}\n", device == Device::cpu
                           ? "peak: tensors, weights among them; planned: with the program, weights in mapped files"
                           : "peak and planned: with weights and libraries");
}

void save_json(const BenchOptions& o, const film::Film& film, const Stopwatches& watches) {
    const auto& s = film.settings;
    nlohmann::json stages = nlohmann::json::array();
    for (const Stage& stage : watches.stages()) {
        stages.push_back({{"name", stage.name},
                          {"seconds", stage.seconds},
                          {"peak_bytes", stage.peak},
                          {"planned_bytes", stage.plan.total()},
                          {"streamed", stage.plan.streamed()},
                          {"together", stage.plan.together}});
    }
    write_figures(o.json, {{"what", o.what},
                           {"model", o.model},
                           {"size", o.size},
                           {"width", s.width},
                           {"height", s.height},
                           {"frames", s.frames},
                           {"steps", s.steps},
                           {"solver", s.solver},
                           {"cfg", s.cfg},
                           {"device", ops::cuda_devices()},
                           {"stages", stages},
                           {"seconds", watches.seconds()}});
}

}  // namespace

void bench_film(Context ctx, const BenchOptions& o) {
    if (!o.output.empty()) {
        media::check_output(o.output);
        require_valid(media::entries_of_output(o.output).empty(), "--output ", o.output,
                      ": is there; give another name");
    }
    const bool demo = o.model == "demo";
    require_valid(demo || o.model == "wan2.1-1.3b" || o.model == "wan2.2-5b", "--model ", o.model,
                  ": expected wan2.1-1.3b, wan2.2-5b or demo");
    const auto files = demo ? film::find_model(film::demo_model_folder()) : film::ModelFiles();
    const session::RandomModel model(demo ? film::load_networks(files) : film::published_networks(o.model));
    const film::Networks& networks = model.networks();
    const BenchSize size = find_size(o.size);
    const auto settings = film::resolve_settings(
        files, networks.traits(),
        {.width = size.width, .height = size.height, .frames = o.frames, .steps = o.steps, .cfg = o.cfg});
    const film::Attention attention = film::parse_attention(o.attention);
    const auto film = film::make_film(files, networks.traits(), settings, attention);

    session::Session session(std::move(ctx), o.compute.bytes(), session::Lifetime::one_film);
    Terminal terminal(true);
    session::Material material = random_material(networks, film);
    const plan::Machine machine = session.machine();
    const plan::Plan plan = session.plan(model, film, material, machine);
    const Message refusal = session::refusal(plan, networks, film, machine,
                                             other_films(files, networks.traits(), settings, attention), terminal, {});
    if (!refusal.empty()) throw InvalidRequest(refusal);

    std::unique_ptr<media::FrameWriter> writer;
    if (!o.output.empty())
        writer = media::open_writer(o.output, settings.width, settings.height, settings.fps,
                                    {.threads = session.context().threads()});
    Stopwatches watches(session.context(), plan, writer.get());
    session.run(model, film, plan, material, watches);
    deviation_of(session.context(), to_device(session.context(), material.latents->x));
    require(watches.frames() == settings.frames, "bench: ", watches.frames(), " frames came out, expected ",
            settings.frames);
    print(o, film, watches, session.context().device());
    if (!o.json.empty()) save_json(o, film, watches);
}

}  // namespace t3video::apps
