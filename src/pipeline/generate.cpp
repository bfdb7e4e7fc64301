// The stages of text-to-video.
#include "pipeline/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/log.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "media/frame_writer.h"
#include "pipeline/film_stages.h"
#include "pipeline/identity.h"
#include "pipeline/job_files.h"
#include "pipeline/safe_points.h"
#include "pipeline/weight_check.h"

namespace t3video::pipeline {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
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
                         readable_bytes(plan.bytes()), plan.about_allowed()));
}

// What of the saved stages is of this film's shapes; the rest is dropped.
Done keep_fitting(SavedStages& saved, const Film& film, const Shape& latent) {
    Shape input = latent;
    if (film.settings.source == Source::image) input = {latent[0], 1, latent[2], latent[3]};
    if (saved.input && saved.input->shape() != input) saved.input.reset();
    if (saved.latents && (saved.latents->x.shape() != latent || saved.latents->step > film.settings.steps))
        saved.latents.reset();
    return {.text = saved.embeddings.has_value(),
            .encode = saved.input.has_value(),
            .steps = saved.latents ? saved.latents->step : 0};
}

// Whether this very film is there, as the request wants it written.
bool is_finished(const Request& request, int64_t frames, const std::string& form, const WrittenFiles& written) {
    const auto entries = media::entries_of_output(request.output);
    const bool pictures = media::output_kind(request.output) != media::OutputKind::video &&
                          media::output_kind(request.output) != media::OutputKind::y4m;
    if (static_cast<int64_t>(entries.size()) < (pictures ? frames : 1)) return false;
    return std::ranges::all_of(entries, [&](const media::OutputEntry& entry) {
        return entry.frame >= frames || written.has(entry.path, form);
    });
}

// What the film's job wrote so far; nothing where it has none.
WrittenFiles written_by(const fs::path& job_folder, const nlohmann::json& identity) {
    return WrittenFiles(find_job(job_folder, identity).value_or(fs::path()));
}

// Names the output after prompt and seed: the first such name that this film has already, or that is free.
void name_output(Request& request, int64_t frames, const nlohmann::json& identity) {
    const std::string name = film_name(request.prompt, request.seed), film = film_id(identity);
    const auto suits = [&] {
        const Holder holder = holder_of(request.job_folder(), identity);
        const bool job = !request.job.empty() || holder == Holder::film || holder == Holder::nobody;
        return job && is_free(request.output, frames, {film, written_by(request.job_folder(), identity)});
    };
    int i = 1;
    do {
        request.output = name + (i > 1 ? concat('-', i) : std::string());
        request.output += media::default_output().extension();
        ++i;
    } while (!suits());
    if (!request.command.empty())
        request.command.insert(request.command.end(), {"--output", absolute_path(request.output).string()});
}

// Throws InvalidRequest for a job folder that cannot be this film's, or must be and is not.
void check_job(const Request& request, const nlohmann::json& identity) {
    const fs::path folder = request.job_folder();
    const Holder holder = holder_of(folder, identity);
    require_valid(holder != Holder::foreign, "job folder ", folder.string(),
                  ": holds files, but no job of t3video; give --job another folder");
    if (!request.existing_job || holder == Holder::film) return;
    const auto stored = request_of_job(folder);
    const auto type = stored.find("dtype");
    require_valid(type == stored.end() || *type == identity["dtype"], "job folder ", folder.string(),
                  " is of a film that was begun in ", type != stored.end() ? type->dump() : "",
                  ", and this goes on in ", identity["dtype"].dump(),
                  "; give the --device and --dtype that it was begun with");
    throw InvalidRequest(concat("job folder ", folder.string(), " belongs to another film, or its model's files hold ",
                                "something else now; give the t3video generate command to make a film from the ",
                                "beginning"));
}

// Saves latents that are in memory only, when what they are for has failed.
void keep_latents(Job& job, int64_t step, const Tensor& x) {
    const SavedStages saved = job.stages(1);
    if (saved.latents && saved.latents->step == step) return;
    Bookkeeping("the latents").attempt([&] { job.save(sampling::SampleState{step, x, {}}); });
}

const char* name_of_device(const Context& ctx) {
    return ctx.device() == Device::cpu ? "cpu" : "cuda";
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

Result generate(Context& ctx, const Request& asked, Progress& progress, OpenModel& model) {
    const auto start = Clock::now();
    Request request = asked;
    check_request(request);
    const ModelFiles& files = model.files;
    const Models& models = model.models;
    const ModelTraits traits = models.traits();
    const Input input = open_input(request.inputs, files, traits, request.settings, host_memory(ctx, request.memory));
    const SettingChoices choices = with_input(input, files, traits, request.settings);
    const Film film = make_film(files, traits, choices, request.attention, request.layout);
    const Settings& settings = film.settings;
    if (!model.tokenizer) model.tokenizer.emplace(files.need(Part::tokenizer));

    nlohmann::json wanted = film_identity(request, files, models, film, input, ctx.compute_type());
    FilmOrigin origin{film_options(request, film), film_id(wanted), name_of_device(ctx), wanted["dtype"]};
    if (request.output.empty()) name_output(request, settings.frames, wanted);
    const media::FilmFormat format = media::film_format(request.output, request.video_options());
    check_job(request, wanted);
    const WrittenFiles written = written_by(request.job_folder(), wanted);
    const std::string form = form_of(request, settings, files.vae);
    Result result{request.output, {}, request.job_folder(), settings, film.frames};
    // t3video resume also makes latents again that are damaged; the command alone wants the film only.
    const bool mend = request.existing_job && !read_stages(request.job_folder(), ctx.threads()).damaged.empty();
    if (!mend && is_finished(request, settings.frames, form, written)) {
        result.kept = true;
        return result;
    }
    media::check_film(request.output, settings.width, settings.height, settings.fps, request.video_options());
    const SideFiles side = claim_outputs(request, settings.frames, {origin.film, written}, inputs_of(request, files));
    result.contact_sheet = side.sheet;
    Machine machine = machine_of(ctx, request.memory);
    machine.sample_bytes = media::bytes_of(format.samples);
    machine.encoder_bytes = media::encoder_bytes(format);
    machine.reading = static_cast<size_t>(reading_bytes(input, film.frames));
    const auto check = [&](const Done& done) {
        Plan plan = plan_film(models, film, machine, done);
        require_fits(plan, models, film, machine, other_films(files, traits, choices));
        return plan;
    };
    // Before the folder is made, or another film's job goes aside: a film that does not fit changes nothing.
    if (holder_of(request.job_folder(), wanted) != Holder::film) check({});
    wanted["device"] = origin.device;
    wanted["options"] = origin.options;
    Job job(request.job_folder(), wanted);
    if (!job.set_aside().empty())
        log_info(
            fmt::format("Another film's job was in {}; it is {} now", job.folder().string(), job.set_aside().string()));
    remove_partials(media::folder_of(request.output), origin.film);
    for (const fs::path& file : {side.sheet, side.preview}) remove_partial(file, origin.film);
    if (!request.command.empty())
        Bookkeeping("the command, for t3video resume").attempt([&] { job.save(request.command); });
    SavedStages saved = job.stages(ctx.threads());
    for (const std::string& damaged : saved.damaged) log_warning(damaged + "; it is made again");
    Plan plan = check(keep_fitting(saved, film, latent_shape(film, models.vae.config())));
    describe(request, film, files);
    describe(input, film);
    plan.estimate(rates_of(ctx, rates_file()));
    describe(plan);

    const Patience patience(ctx, progress, job);
    // Here, since what it decodes is only looked at by people; it is the smallest network.
    require_finite_weights(models.vae, files.vae, ctx.threads());
    FilmRun run{ctx, request, files, models, film, plan, job, saved, origin, side, progress};
    // Stages ask for blocks of different sizes: what one leaves in the pool is of no use to the next.
    reserve(ctx, plan, "text");
    const Embeddings embeddings = text_stage(run, *model.tokenizer);
    ctx.allocator().trim();
    reserve(ctx, plan, "encode");
    const Tensor begin = encode_stage(run, input);
    ctx.allocator().trim();
    reserve(ctx, plan, "denoise");
    const Tensor latent = denoise_stage(run, embeddings, begin);
    ctx.allocator().trim();
    try {
        reserve(ctx, plan, "decode");
        decode_stage(
            {ctx, request, settings, nn::kept(ctx, models.vae, plan.keep("decode"), models::WanVae::Half::decoder),
             plan.band_rows, job, origin, side, form, progress},
            latent);
    } catch (...) {
        keep_latents(job, settings.steps, latent);
        throw;
    }
    result.seconds = seconds_since(start);
    return result;
}

}  // namespace t3video::pipeline
