// A request to its film: checks, the plan, the job, the stages.
#include <algorithm>

#include "core/clock.h"
#include "core/error.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "job/job_files.h"
#include "media/frame_writer.h"
#include "session/cache_notes.h"
#include "session/denoise.h"
#include "session/film_watch.h"
#include "session/material.h"
#include "session/session.h"

namespace t3video::session {
namespace {

namespace fs = std::filesystem;

// What people should know before the work.
void tell(const film::Film& film, const film::Networks& networks, Observer& observer) {
    for (const Message& note : film.settings.notes) observer.note(note);
    for (const Message& warning : film.settings.warnings) observer.warn(warning);
    for (const Message& note : cache_notes(film, networks)) observer.note(note);
}

// Takes over what an earlier run saved, as far as its shapes are the film's.
void take_over(const job::SavedStages& saved, const film::Film& film, const Shape& latent, Material& material) {
    Shape input = latent;
    if (film.settings.source == film::Source::image) input = {latent[0], 1, latent[2], latent[3]};
    if (saved.input && saved.input->shape() == input) material.input_latent = *saved.input;
    if (saved.latents && saved.latents->x.shape() == latent && saved.latents->step <= film.settings.steps)
        material.latents = saved.latents;
    material.embeddings = saved.embeddings;
}

// What the film's job wrote so far; nothing where it has none.
job::WrittenFiles written_by(const fs::path& job_folder, const nlohmann::json& identity) {
    return job::WrittenFiles(job::find_job(job_folder, identity).value_or(fs::path()));
}

// Names the output after prompt and seed: the first such name that this film has already, or that is free.
void name_output(film::Request& request, int64_t frames, const nlohmann::json& identity) {
    const std::string name = job::film_name(request.prompt, request.seed), id = job::film_id(identity);
    const auto suits = [&] {
        const job::Holder holder = job::holder_of(request.job_folder(), identity);
        const bool usable = !request.job.empty() || holder == job::Holder::film || holder == job::Holder::nobody;
        return usable && job::is_free(request.output, frames, {id, written_by(request.job_folder(), identity)});
    };
    int i = 1;
    do {
        request.output = name + (i > 1 ? concat('-', i) : std::string());
        request.output += media::default_output().extension();
        ++i;
    } while (!suits());
}

// Throws InvalidRequest when the folder holds other files, or when an existing job was asked for and the folder is
// another film's.
void check_job(const film::Request& request, const nlohmann::json& identity) {
    const fs::path folder = request.job_folder();
    const job::Holder holder = job::holder_of(folder, identity);
    require_valid(holder != job::Holder::foreign, "job folder ", folder.string(),
                  ": holds files, but no job of t3video; give ", Field("job"), " another folder");
    if (!request.existing_job || holder == job::Holder::film) return;
    const auto stored = job::request_of_job(folder);
    const auto type = stored.find("dtype");
    require_valid(type == stored.end() || *type == identity["dtype"], "job folder ", folder.string(),
                  " is of a film that was begun in ", type != stored.end() ? type->dump() : "",
                  ", and this goes on in ", identity["dtype"].dump(), "; give the ", Field("device"), " and ",
                  Field("dtype"), " that it was begun with");
    throw InvalidRequest(concat("job folder ", folder.string(), " belongs to another film, or its model's files hold ",
                                "something else now; ask for the film itself to make it from the beginning"));
}

// Saves latents that are in memory only, when decoding them has failed.
void keep_latents(job::Job& job, const Material& material, Observer& observer) {
    if (!material.latents) return;
    const job::SavedStages saved = job.stages(1);
    if (saved.latents && saved.latents->step == material.latents->step) return;
    Bookkeeping(observer, "the latents").attempt([&] { job.save(*material.latents); });
}

// Plans the film. Throws InvalidRequest, naming sizes that fit, when it does not fit.
plan::Plan fitting_plan(const Session& session, const FileModel& model, const JobFilm& made, const Material& material,
                        const plan::Machine& machine, Observer& observer, const plan::Poll& poll) {
    const film::Film& film = made.film;
    plan::Plan plan = session.plan(model, film, material, machine, poll);
    const film::FilmMaker others =
        other_films(model.files(), model.networks().traits(), film.settings, made.request.attention);
    const Message why = refusal(plan, model.networks(), film, machine, others, observer, poll);
    if (!why.empty()) throw InvalidRequest(why);
    return plan;
}

// A request whose film is known: its input is read, its output has a name, and its job folder is not another film's.
struct ResolvedRequest {
    JobFilm made;
    film::Input input;
    nlohmann::json identity;
};

ResolvedRequest resolve(const film::Request& asked, FileModel& model, const Context& ctx,
                        const film::ReadingLimits& reader) {
    ResolvedRequest w{.made = {.request = asked}};
    film::Request& r = w.made.request;
    film::RequestedFilm requested = open_film(r, model.files(), model.networks().traits(), reader);
    w.made.film = std::move(requested.film);
    w.input = std::move(requested.input);
    w.identity = job::film_identity(r, w.made.film, w.input, model.contents(), ctx.compute_type());
    w.made.origin = {job::recorded_fields(r, w.made.film), job::film_id(w.identity),
                     ctx.device() == Device::cpu ? "cpu" : "cuda", w.identity["dtype"]};
    if (r.output.empty()) name_output(r, w.made.film.settings.frames, w.identity);
    check_job(r, w.identity);
    w.made.sound = sound_of(r);
    w.made.settle_format(model.decoder_record());
    return w;
}

// Opens or makes the film's job, and removes what a killed run left beside it.
std::unique_ptr<job::Job> open_job(const JobFilm& made, const nlohmann::json& identity, Observer& observer) {
    nlohmann::json request = identity;
    request["device"] = made.origin.device;
    request["options"] = made.origin.options;
    request["output"] = absolute_path(made.request.output).string();
    auto job = std::make_unique<job::Job>(made.request.job_folder(), request);
    const std::string folder = job->folder().string();
    if (!job->has_locks()) observer.warn(Message(folder, ": this disk has no locks; let no other process work in it"));
    if (!job->set_aside().empty())
        observer.note(Message("Another film's job was in ", folder, "; it is ", job->set_aside().string(), " now"));
    remove_partials(media::folder_of(made.request.output), made.origin.film);
    for (const fs::path& file : {made.side.sheet, made.side.preview}) remove_partial(file, made.origin.film);
    if (!made.request.front_door.empty())
        Bookkeeping(observer, "what a later resume asks for").attempt([&] {
            job->save_front_door(made.request.front_door);
        });
    return job;
}

}  // namespace

Result Session::make(const film::Request& asked, Observer& observer, std::stop_token stop) {
    const auto start = Clock::now();
    film::check_request(asked);
    require_valid(!job::is_job_folder(asked.output), asked.output.string(),
                  ": is a job folder; give the film another name, such as frames/ or film.mp4");
    FileModel& model = open(asked);
    const plan::Poll early = [&] { stop_early(stop); };
    const Patience planning(ctx_, stop, 0, early);  // measuring rates polls the context
    ResolvedRequest w = resolve(asked, model, ctx_, {ctx_.threads(), plan::host_memory(ctx_, memory_), stop});
    JobFilm& made = w.made;
    const film::Request& request = made.request;
    const film::Film& film = made.film;
    const film::Settings& s = film.settings;
    Result result{request.output, {}, request.job_folder(), s, film.size};
    // Who resumes a job also wants its damaged latents made again; who asks for a film is content where that is there.
    const bool mend = request.existing_job && !job::read_stages(request.job_folder(), ctx_.threads()).damaged.empty();
    const auto is_there = [&](const job::WrittenFiles& written) { return !mend && made.is_there(written); };
    const job::WrittenFiles written = written_by(request.job_folder(), w.identity);
    if ((result.was_there = is_there(written))) return result;
    made.check_output();
    made.claim(written, job::inputs_of(request, model.files()), observer);
    result.contact_sheet = made.side.sheet;

    plan::Machine machine = this->machine(made.format);
    machine.input_bytes = static_cast<size_t>(w.input.bytes());
    Material material = material_of(model, request, film, w.input, observer);
    // A film that does not fit changes nothing: this stands before the folder is made, or another film's job goes
    // aside.
    if (job::holder_of(request.job_folder(), w.identity) != job::Holder::film)
        fitting_plan(*this, model, made, material, machine, observer, early);
    const auto job = open_job(made, w.identity, observer);
    if ((result.was_there = is_there(job->written()))) return result;  // another process had the job, and made it
    const job::SavedStages saved = job->stages(ctx_.threads());
    for (const std::string& damaged : saved.damaged) observer.warn(Message(damaged, "; it is made again"));
    take_over(saved, film, latent_shape(film, model.networks().vae.config()), material);
    plan::Plan plan = fitting_plan(*this, model, made, material, machine, observer, early);
    plan.estimate(rates());
    observer.begins({request, model.files(), film, w.input, plan});
    for (const std::string& note : model.networks().notes) observer.note(Message(note));
    tell(film, model.networks(), observer);
    if (material.latents)
        observer.note(
            Message("Going on from step ", material.latents->step, " of ", s.steps, " in ", job->folder().string()));
    work(model, made, *job, plan, material, {observer, stop, *job});
    result.seconds = seconds_since(start);
    return result;
}

void Session::work(FileModel& model, const JobFilm& made, job::Job& job, const plan::Plan& plan, Material& material,
                   const Asker& asker) {
    const Patience patience(ctx_, asker.stop, kPatience, [&] { asker.stop_if_asked("in the middle of a stage"); });
    // Broken weights of the other networks show in values that stages check; those of the VAE only in frames.
    model.require_finite_decoder(ctx_.threads());
    if (plan.find("encode")) model.require_finite_vae(ctx_.threads());
    LatentPainter painter;
    if (const plan::StagePlan* denoise = plan.find("denoise"); denoise && !made.side.preview.empty())
        painter = model.painter(ctx_, denoise->band_rows);
    FilmWatch watch(ctx_, model, made, job, material, asker, std::move(painter));
    try {
        run(model, made.film, plan, material, watch, made.format.samples);
    } catch (const Error&) {
        keep_latents(job, material, asker.observer);
        if (watch.broken()) model.require_finite_transformers(ctx_.threads());
        throw;
    } catch (...) {
        keep_latents(job, material, asker.observer);
        throw;
    }
}

Estimate Session::estimate(const film::Request& request, const film::ModelFiles& files, const film::Networks& networks,
                           Observer& observer, std::stop_token stop) {
    const plan::Poll early = [&] { stop_early(stop); };
    const Patience planning(ctx_, stop, 0, early);  // while rates are measured
    auto [film, input] =
        open_film(request, files, networks.traits(), {ctx_.threads(), plan::host_memory(ctx_, memory_), stop});
    Estimate estimate{film, machine()};
    tell(film, networks, observer);
    estimate.machine.input_bytes = static_cast<size_t>(input.bytes());
    estimate.plan = plan_film(networks, film, {.preview_every = request.preview_every}, estimate.machine, early);
    count_beside(estimate.plan, estimate.machine);
    estimate.plan.estimate(rates());
    estimate.refusal =
        refusal(estimate.plan, networks, film, estimate.machine,
                other_films(files, networks.traits(), film.settings, request.attention), observer, early);
    return estimate;
}

Estimate Session::estimate(const film::Request& request, Observer& observer, std::stop_token stop) {
    const FileModel& model = open(request);
    return estimate(request, model.files(), model.networks(), observer, std::move(stop));
}

}  // namespace t3video::session
