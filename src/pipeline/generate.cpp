// The stages of text-to-video.
#include "pipeline/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "core/log.h"
#include "core/output_file.h"
#include "media/contact_sheet.h"
#include "media/frame_writer.h"
#include "media/png.h"
#include "pipeline/embed.h"
#include "pipeline/film_record.h"
#include "pipeline/plan.h"
#include "pipeline/safe_points.h"
#include "pipeline/stages.h"
#include "pipeline/weight_check.h"

namespace t3video::pipeline {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Path, size and time of a file: another file under the same name makes another job. Of an index, also those of the
// files of weights beside it.
nlohmann::json identity(const fs::path& path) {
    const auto time = fs::last_write_time(path).time_since_epoch().count();
    nlohmann::json file = {
        {"path", fs::weakly_canonical(path).string()}, {"bytes", fs::file_size(path)}, {"time", time}};
    if (path.extension() != ".json" || !path.stem().has_extension()) return file;  // not "model.safetensors.index.json"
    std::set<fs::path> shards;
    for (const auto& entry : fs::directory_iterator(path.parent_path().empty() ? "." : path.parent_path()))
        if (entry.path().extension() == ".safetensors") shards.insert(entry.path());
    for (const fs::path& shard : shards) file["shards"].push_back(identity(shard));
    return file;
}

// What embeddings and latents depend on. The solver's schedule follows from its name, steps and shift.
std::string request_json(const Request& r, const ModelFiles& files, const Settings& s, const FramePlan& plan,
                         const t3::WindowLayout& layout, const Input& input) {
    nlohmann::json windows = nlohmann::json::array();
    for (const auto& n : layout.patterns) windows.push_back({n.t, n.h, n.w});
    nlohmann::json loras = nlohmann::json::array();
    for (const checkpoint::Lora& lora : files.loras)
        loras.push_back({{"file", identity(lora.file)}, {"weight", lora.weight}});
    nlohmann::json request = {
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
        {"dit_config", fs::exists(files.dit_config) ? identity(files.dit_config) : nlohmann::json()},
        {"loras", loras},
        {"text_encoder", identity(files.text_encoder)},
        {"tokenizer", identity(files.tokenizer)},
    };
    if (input.choices.any()) {
        const bool still = s.source == Source::image;
        request["input"] = {{still ? "image" : "video", fs::weakly_canonical(input.choices.path()).string()},
                            {"hash", input.hash},
                            {"vae", identity(files.vae)},  // which encodes it
                            {"fit", input.choices.fit == Fit::crop ? "crop" : "stretch"}};
        if (!still) request["input"]["strength"] = s.strength;
    }
    // A prompt from the command line need not be UTF-8; the tokenizer replaces the same bytes.
    return request.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Embeddings embed(Context& ctx, const Request& request, const Settings& settings, const Models& models,
                 const text::Tokenizer& tokenizer, const fs::path& text_encoder_file, nn::Keep keep, const Job& job,
                 Progress& progress) {
    if (auto saved = job.embeddings()) return *saved;
    const bool guided = settings.cfg != 1.0;
    progress.begin("text", guided ? 2 : 1, guided ? "prompts" : "prompt");
    Embeddings e;
    const models::Umt5 encoder = nn::kept(ctx, models.text_encoder, keep);
    const auto rows = [&](const std::string& prompt) {
        if (const int64_t tokens = count_tokens(tokenizer, prompt); tokens > kTextRows) {
            log_warning(
                fmt::format("A prompt of {} characters has {} tokens; the model reads the first {}, what comes "
                            "after them is cut",
                            prompt.size(), tokens, kTextRows));
        }
        const Tensor embedded = to_host(ctx, embed_prompt(ctx, encoder, tokenizer, prompt));
        if (!is_finite(embedded, ctx.threads())) {
            require_finite_weights(models.text_encoder, text_encoder_file, ctx.threads());
            throw Error("the text encoder gave values that are infinite or not numbers");
        }
        return embedded;
    };
    e.positive = rows(request.prompt);
    progress.advance(1);
    stop_if_asked(progress, job, "after the prompt");
    if (guided) {
        e.negative = rows(settings.negative_prompt);
        progress.advance(2);
    }
    progress.end();
    job.save(e);
    return e;
}

// The latent of the film's input, in host memory; undefined where denoising needs none.
Tensor encode(Context& ctx, const Film& film, const Models& models, const Input& input, const Plan& plan,
              const Job& job, Progress& progress) {
    if (!film.settings.takes_latent()) return {};
    const auto is_encode = [](const StagePlan& stage) { return stage.name == "encode"; };
    if (std::ranges::none_of(plan.stages, is_encode)) return job.input().value_or(Tensor());
    const int64_t frames = film.settings.source == Source::image ? 1 : film.settings.frames;
    progress.begin("encode", frames, frames == 1 ? "picture" : "frames");
    const Tensor latent =
        encode_input(ctx, nn::placed(ctx, models.vae), input, film.frames, film.settings.frames, [&](int64_t read) {
            progress.advance(read);
            if (read < frames) stop_if_asked(progress, job, "while reading its input");
        });
    progress.end();
    job.save_input(latent);
    return latent;
}

// In host memory: a block left on the device would part the room that decoding needs in one.
Tensor latents(Context& ctx, const Request& request, const Film& film, const Models& models, const Embeddings& e,
               const Tensor& input, const ModelFiles& files, nn::Keep keep, const Job& job, Progress& progress) {
    const Settings& settings = film.settings;
    const auto& solver = solver_of(settings);
    auto schedule = solver.schedule({.steps = settings.steps, .shift = settings.shift, .strength = settings.strength});
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
        if (input.defined() && settings.source == Source::video)
            start.x = noised(ctx, to_device(ctx, input), start.x, schedule.sigmas.front());
    }
    Tensor first_frame;
    if (settings.source == Source::image) first_frame = to_device(ctx, input);

    std::optional<Preview> preview;
    if (request.preview_every > 0) {
        preview.emplace(LatentColours(ctx, nn::placed(ctx, models.vae)), schedule, request.preview_every);
        ctx.allocator().trim();
    }
    const models::WanDit dit = nn::kept(ctx, models.dit, keep);
    StepWatch watch(ctx, request, job, schedule, std::move(preview), progress);
    watch.begin(start);
    const auto observe = [&](const sampling::SampleState& state) { watch.after(state); };
    try {
        const Tensor x = denoise_film(ctx, dit, film, e, schedule, std::move(start), observe, first_frame);
        progress.end();
        return to_host(ctx, x);
    } catch (const Error&) {
        if (!watch.broken()) throw;
        for (const checkpoint::Lora& lora : files.loras) require_finite_file(lora.file, ctx.threads());
        require_finite_weights(models.dit, files.dit, ctx.threads());
        throw;
    }
}

void decode(Context& ctx, const Request& request, const Film& film, const models::WanVae& vae, const Tensor& latent,
            int64_t band_rows, const Job& job, Progress& progress) {
    const Settings& settings = film.settings;
    media::VideoOptions options = request.video_options();
    options.threads = ctx.threads();
    if (request.record) options.comment = film_record(ctx, request, film);
    DecodeWatch watch(request, job, settings.frames, progress);
    const auto video = media::open_writer(request.output, settings.width, settings.height, settings.fps, options);
    media::ContactSheet sheet(settings.frames);
    decode_film(ctx, vae, settings, latent, band_rows,
                {.frame =
                     [&](const media::Image& image) {
                         sheet.add(video->frames(), image);
                         video->write(image);
                     },
                 .decoded = [&](int64_t frames) { watch.decoded(frames); },
                 .samples = media::film_format(request.output, options).samples});
    video->close();
    if (request.contact_sheet) media::write_png(request.sheet_path(), sheet.image());
    watch.finished();
}

void describe(const Request& request, const Film& film, const ModelFiles& files) {
    const Settings& s = film.settings;
    const FramePlan& frames = film.frames;
    if (!request.title.empty()) log_info(request.title);
    const bool cropped = frames.width != s.width || frames.height != s.height;
    log_info(fmt::format("Model {}", files.folder.string()));
    for (const checkpoint::Lora& lora : files.loras)
        log_info(fmt::format("LoRA {} with weight {}", lora.file.string(), lora.weight));
    log_info(fmt::format("Film {}x{}, {} frames at {} fps{}; {} steps of {}, shift {}, cfg {}, seed {}", s.width,
                         s.height, s.frames, s.fps,
                         cropped ? fmt::format(" (cropped from {}x{})", frames.width, frames.height) : "", s.steps,
                         s.solver, s.shift, s.cfg, request.seed));
    log_info(fmt::format("Self-attention over {} tokens: {}", frames.grid.tokens(), film.attention.origin));
}

void describe(const Input& input, const Film& film) {
    if (!input.choices.any()) return;
    const bool still = film.settings.source == Source::image;
    log_info(fmt::format(
        "{} {}, {}x{}{}{}", still ? "Begins with" : "Made from", input.choices.path().string(), input.width,
        input.height, input.choices.fit == Fit::crop ? ", resized and cropped" : ", stretched",
        still ? "" : fmt::format(", {} frames, strength {}", film.settings.frames, film.settings.strength)));
}

void describe(const Plan& plan) {
    for (const StagePlan& stage : plan.stages) {
        log_info(fmt::format("Plan   {:<8} {:>10}, {:>9}{}", stage.name, format_duration(stage.seconds),
                             readable_bytes(stage.bytes), stage.about_weights()));
    }
    log_info(fmt::format("Plan   {:<8} {:>10}, {:>9} of {}", "all", format_duration(plan.seconds()),
                         readable_bytes(plan.bytes()), readable_bytes(plan.allowed)));
}

// Says that a job folder will lose another film's latents.
void describe_other_film(const fs::path& folder) {
    if (const auto other = look_at_job(folder); other && other->step > 0)
        log_info(fmt::format("Job folder {} holds step {} of {} of another film; this one takes its place",
                             folder.string(), other->step, other->steps));
}

Done done_of(const Job& job, const Film& film, const Shape& latent) {
    const auto input = job.input();
    Shape wanted = latent;
    if (film.settings.source == Source::image) wanted = {latent[0], 1, latent[2], latent[3]};
    const auto saved = job.latents();
    const bool fits = saved && saved->x.shape() == latent;
    return {.text = job.embeddings().has_value(),
            .encode = input && input->shape() == wanted,
            .steps = fits ? saved->step : 0};
}

// The command without the options that leave the film as it is.
std::vector<std::string> film_words(std::vector<std::string> command) {
    drop_options(command, {"--threads", "--device", "--memory", "--preview", "--job"});
    std::erase(command, "--quiet");
    return command;
}

// Whether this very command has written its film.
bool is_finished(const Job& job, const Request& request) {
    const auto done = job.decoded();
    return done && done->complete() && film_words(done->command) == film_words(request.command) &&
           done->output == fs::absolute(request.output) && media::output_exists(request.output);
}

// What a killed run left half written outside of the job folder: of another output too, if it decoded to one.
void remove_leftovers(const Job& job, const Request& request) {
    for (const auto& picture : {request.preview_path(), request.sheet_path()}) remove_partial(picture);
    if (const auto last = job.decoded(); last && !last->complete())
        media::remove_partial_output(last->output, last->of);
}

}  // namespace

OpenModel open_model(const Request& request) {
    ModelFiles files = find_model(request.model.empty() ? demo_model_folder() : request.model, request.parts);
    Models models = load_models(files);
    return {std::move(files), std::move(models), {}};
}

Result generate(Context& ctx, const Request& request, Progress& progress) {
    check_request(request);
    OpenModel model = open_model(request);
    return generate(ctx, request, progress, model);
}

Result generate(Context& ctx, const Request& request, Progress& progress, OpenModel& model) {
    const auto start = Clock::now();
    check_request(request);
    const ModelFiles& files = model.files;
    const Models& models = model.models;
    const ModelTraits traits = models.traits();
    const Input input = open_input(request.inputs, files, traits, request.settings);
    const SettingChoices choices = with_input(input, files, traits, request.settings);
    const Film film = make_film(files, traits, choices, request.attention, request.layout);
    const Settings& settings = film.settings;
    if (!model.tokenizer) model.tokenizer.emplace(files.need(Part::tokenizer));
    const text::Tokenizer& tokenizer = *model.tokenizer;
    const media::FilmFormat format = media::film_format(request.output, request.video_options());
    media::check_size(format, settings.width, settings.height);
    Machine machine = machine_of(ctx, request.memory);
    machine.sample_bytes = media::bytes_of(format.samples);
    const std::string wanted = request_json(request, files, settings, film.frames, film.attention.layout, input);
    const auto check = [&](const Done& done) {
        Plan plan = plan_film(models, film, machine, done);
        require_fits(plan, models, film, machine, other_films(files, traits, choices));
        return plan;
    };
    if (request.existing_job || request.only_decode) {
        Job::require_same(request.job_folder(), wanted);
    } else if (!Job::holds(request.job_folder(), wanted)) {
        // Before the folder is made, or another film's stages in it go: a film that does not fit changes nothing.
        check({});
        describe_other_film(request.job_folder());
    }
    const Job job(request.job_folder(), wanted);
    Result result{request.output, request.contact_sheet ? request.sheet_path() : fs::path(), job.folder(), settings,
                  film.frames};
    if (request.keep_finished && is_finished(job, request)) {
        result.kept = true;
        return result;
    }
    remove_leftovers(job, request);
    if (!request.command.empty() && !request.only_decode) job.save(request.command);
    Plan plan = check(done_of(job, film, latent_shape(film, models.vae.config())));
    describe(request, film, files);
    describe(input, film);
    plan.estimate(rates_of(ctx, rates_file()));
    describe(plan);

    const Patience patience(ctx, progress, job);
    // Here, since what it decodes is only looked at by people; it is the smallest network.
    require_finite_weights(models.vae, files.vae, ctx.threads());
    const auto decode_latent = [&](const Tensor& latent) {
        reserve(ctx, plan, "decode");
        decode(ctx, request, film, nn::placed(ctx, models.vae), latent, plan.band_rows, job, progress);
        result.seconds = seconds_since(start);
        return result;
    };
    if (request.only_decode) {
        const auto saved = job.latents();
        require_valid(!plan.has("denoise") && saved, "job folder ", job.folder().string(), " is at step ",
                      saved ? saved->step : 0, " of ", settings.steps, "; finish it first: t3video resume ",
                      job.folder().string());
        return decode_latent(saved->x);
    }

    // Stages ask for blocks of different sizes: what one leaves in the pool is of no use to the next.
    reserve(ctx, plan, "text");
    const Embeddings embeddings =
        embed(ctx, request, settings, models, tokenizer, files.text_encoder, plan.keep("text"), job, progress);
    ctx.allocator().trim();
    reserve(ctx, plan, "encode");
    const Tensor begin = encode(ctx, film, models, input, plan, job, progress);
    ctx.allocator().trim();
    reserve(ctx, plan, "denoise");
    const Tensor latent =
        latents(ctx, request, film, models, embeddings, begin, files, plan.keep("denoise"), job, progress);
    ctx.allocator().trim();
    return decode_latent(latent);
}

}  // namespace t3video::pipeline
