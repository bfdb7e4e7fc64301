// The stages of text-to-video.
#include "pipeline/generate.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "core/log.h"
#include "media/contact_sheet.h"
#include "media/frame_writer.h"
#include "media/png.h"
#include "pipeline/embed.h"
#include "pipeline/plan.h"
#include "pipeline/stages.h"

namespace t3video::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Path, size and time of a file: another file under the same name makes another job.
nlohmann::json identity(const std::filesystem::path& path) {
    const auto time = std::filesystem::last_write_time(path).time_since_epoch().count();
    return {{"path", std::filesystem::weakly_canonical(path).string()},
            {"bytes", std::filesystem::file_size(path)},
            {"time", time}};
}

// What embeddings and latents depend on. The solver's schedule follows from its name, steps and shift.
std::string request_json(const Request& r, const ModelFiles& files, const Settings& s, const FramePlan& plan,
                         const t3::WindowLayout& layout) {
    nlohmann::json windows = nlohmann::json::array();
    for (const auto& n : layout.patterns) windows.push_back({n.t, n.h, n.w});
    const nlohmann::json request = {
        {"prompt", r.prompt},
        {"negative_prompt", s.negative_prompt},
        {"width", plan.width},
        {"height", plan.height},
        {"frames", s.frames},
        {"steps", s.steps},
        {"cfg", s.cfg},
        {"shift", s.shift},
        {"solver", s.solver},
        {"seed", r.seed},
        {"noise", r.noise == NoiseSource::cpu ? nlohmann::json("cpu") : nlohmann::json({{"cuda", r.multiprocessors}})},
        {"bf16_timesteps", r.bf16_timesteps},
        {"windows", windows},
        {"dit", identity(files.dit)},
        {"text_encoder", identity(files.text_encoder)},
        {"tokenizer", identity(files.tokenizer)},
    };
    // A prompt from the command line need not be UTF-8; the tokenizer replaces the same bytes.
    return request.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Embeddings embed(Context& ctx, const Request& request, const Settings& settings, const Models& models,
                 const text::Tokenizer& tokenizer, bool streamed, const Job& job, Progress& progress) {
    if (auto saved = job.embeddings()) return *saved;
    const bool guided = settings.cfg != 1.0;
    progress.begin("text", guided ? 2 : 1, guided ? "prompts" : "prompt");
    Embeddings e;
    const models::Umt5 encoder =
        streamed ? nn::streamed(ctx, models.text_encoder) : nn::placed(ctx, models.text_encoder);
    const auto rows = [&](const std::string& prompt) {
        return to_host(ctx, embed_prompt(ctx, encoder, tokenizer, prompt));
    };
    e.positive = rows(request.prompt);
    progress.advance(1);
    if (guided) {
        e.negative = rows(settings.negative_prompt);
        progress.advance(2);
    }
    progress.end();
    job.save(e);
    return e;
}

sampling::SampleState on_host(Context& ctx, const sampling::SampleState& state) {
    sampling::SampleState copy{state.step, to_host(ctx, state.x), {}};
    for (const Tensor& earlier : state.history) copy.history.push_back(to_host(ctx, earlier));
    return copy;
}

// In host memory: a block left on the device would part the room that decoding needs in one.
Tensor latents(Context& ctx, const Request& request, const Film& film, const Models& models, const Embeddings& e,
               bool streamed, const Job& job, Progress& progress) {
    const Settings& settings = film.settings;
    const auto& solver = solver_of(settings);
    auto schedule = solver.schedule({.steps = settings.steps, .shift = settings.shift});
    if (request.bf16_timesteps) sampling::round_timesteps(schedule);

    const Shape shape = latent_shape(film, models.vae.config());
    sampling::SampleState start;
    if (auto saved = job.latents(); saved && saved->step <= schedule.steps() && saved->x.shape() == shape) {
        start = std::move(*saved);
        log_info(fmt::format("Going on from step {} of {} in {}", start.step, schedule.steps(), job.folder().string()));
        if (start.step == schedule.steps()) return start.x;
        start.x = to_device(ctx, start.x);
        for (Tensor& earlier : start.history) earlier = to_device(ctx, earlier);
    } else {
        start.x = make_noise(ctx, shape, request.seed, request.noise, request.multiprocessors);
    }

    const models::WanDit dit = streamed ? nn::streamed(ctx, models.dit) : nn::placed(ctx, models.dit);
    constexpr double kSaveEvery = 30;  // seconds: what a crash may cost
    auto saved_at = Clock::now();
    progress.begin("denoise", schedule.steps(), "steps");
    progress.advance(start.step);
    const Tensor x =
        denoise_film(ctx, dit, film, e, schedule, std::move(start), [&](const sampling::SampleState& state) {
            if (state.step == schedule.steps() || seconds_since(saved_at) > kSaveEvery) {
                job.save(on_host(ctx, state));
                saved_at = Clock::now();
            }
            progress.advance(state.step);
        });
    progress.end();
    return to_host(ctx, x);
}

void decode(Context& ctx, const Request& request, const Settings& settings, const models::WanVae& vae,
            const Tensor& latent, int64_t band_rows, Progress& progress) {
    const auto video = media::open_writer(request.output, settings.width, settings.height, settings.fps,
                                          {.crf = request.crf, .threads = ctx.threads()});
    media::ContactSheet sheet(settings.frames);
    progress.begin("decode", settings.frames, "frames");
    decode_film(ctx, vae, settings, latent, band_rows,
                {.frame =
                     [&](const media::Image& image) {
                         sheet.add(video->frames(), image);
                         video->write(image);
                     },
                 .decoded = [&](int64_t frames) { progress.advance(frames); }});
    video->close();
    progress.end();
    if (request.contact_sheet) media::write_png(request.sheet_path(), sheet.image());
}

void describe(const Request& request, const Film& film, const ModelFiles& files) {
    const Settings& s = film.settings;
    const FramePlan& frames = film.frames;
    const bool cropped = frames.width != s.width || frames.height != s.height;
    log_info(fmt::format("Model {}", files.folder.string()));
    log_info(fmt::format("Film {}x{}, {} frames at {} fps{}; {} steps of {}, shift {}, cfg {}, seed {}", s.width,
                         s.height, s.frames, s.fps,
                         cropped ? fmt::format(" (cropped from {}x{})", frames.width, frames.height) : "", s.steps,
                         s.solver, s.shift, s.cfg, request.seed));
    log_info(fmt::format("Self-attention over {} tokens: {}", frames.grid.tokens(), film.attention.origin));
}

void describe(const Plan& plan) {
    for (const StagePlan& stage : plan.stages) {
        log_info(fmt::format("Plan   {:<8} {:>10}, {:>9}{}", stage.name, format_duration(stage.seconds),
                             readable_bytes(stage.bytes), stage.streamed ? ", weights streamed" : ""));
    }
    log_info(fmt::format("Plan   {:<8} {:>10}, {:>9} of {}", "all", format_duration(plan.seconds()),
                         readable_bytes(plan.bytes()), readable_bytes(plan.allowed)));
}

Done done_of(const Job& job, const Shape& latent) {
    const auto saved = job.latents();
    const bool fits = saved && saved->x.shape() == latent;
    return {.text = job.embeddings().has_value(), .steps = fits ? saved->step : 0};
}

}  // namespace

Result generate(Context& ctx, const Request& request, Progress& progress) {
    const auto start = Clock::now();
    check_request(request);
    const ModelFiles files = find_model(request.model.empty() ? demo_model_folder() : request.model, request.parts);
    const Models models = load_models(files);
    const Film film = make_film(files, models.traits(), request.settings, request.attention, request.layout);
    const Settings& settings = film.settings;
    const text::Tokenizer tokenizer(files.need(Part::tokenizer));
    const Machine machine = machine_of(ctx, request.memory);
    const std::string wanted = request_json(request, files, settings, film.frames, film.attention.layout);
    const auto check = [&](const Done& done) {
        Plan plan = plan_film(models, film, machine, done);
        require_fits(plan, models, film, machine, other_films(files, models.traits(), request.settings));
        return plan;
    };
    // Before the folder is made, so that a film that does not fit leaves nothing behind.
    if (!std::filesystem::exists(request.job_folder())) check({});
    const Job job(request.job_folder(), wanted);
    Plan plan = check(done_of(job, latent_shape(film, models.vae.config())));
    describe(request, film, files);
    plan.estimate(rates_of(ctx, rates_file()));
    describe(plan);

    // Stages ask for blocks of different sizes: what one leaves in the pool is of no use to the next.
    reserve(ctx, plan, "text");
    const Embeddings embeddings = embed(ctx, request, settings, models, tokenizer, plan.streams("text"), job, progress);
    ctx.allocator().trim();
    reserve(ctx, plan, "denoise");
    const Tensor latent = latents(ctx, request, film, models, embeddings, plan.streams("denoise"), job, progress);
    ctx.allocator().trim();
    reserve(ctx, plan, "decode");
    decode(ctx, request, settings, nn::placed(ctx, models.vae), latent, plan.band_rows, progress);
    return {request.output, request.contact_sheet ? request.sheet_path() : std::filesystem::path(),
            job.folder(),   settings,
            film.frames,    seconds_since(start)};
}

}  // namespace t3video::pipeline
