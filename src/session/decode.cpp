// A finished job's film, written once more: latents and a VAE that fits are all it takes.
#include "core/clock.h"
#include "core/content_hash.h"
#include "core/error.h"
#include "core/json.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "core/readable_bytes.h"
#include "film/config_checks.h"
#include "film/fields.h"
#include "job/job_files.h"
#include "media/frame_writer.h"
#include "session/film_watch.h"
#include "session/session.h"

namespace t3video::session {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

template <class T>
T member(const json& object, const char* name, const fs::path& folder) try {
    return object.at(name).get<T>();
} catch (const json::exception&) {
    throw InvalidRequest(concat((folder / "request.json").string(), ": damaged: has no \"", name,
                                "\"; ask for the film itself to make it from the beginning"));
}

// Throws InvalidRequest where the request says something else than the job about what its latents depend on.
void require_same_latents(const film::Request& r, const json& stored, const fs::path& folder) {
    const size_t loras = stored.contains("loras") ? stored["loras"].size() : 0;
    bool same = r.parts.loras.size() == loras;
    for (const film::RequestField& field : film::fields()) {
        const json asked = field.identity ? field.get(r) : json();
        if (!asked.is_null() && stored.contains(field.identity) && stored[field.identity] != job::as_utf8(asked))
            same = false;
    }
    require_valid(same, "job folder ", folder.string(), " belongs to another film: its prompt, seed, steps or other ",
                  "fields differ from those given; only those of the film's file may");
}

// The film's size, length and rate.
film::Settings settings_of(const film::Request& r, const json& stored, const fs::path& folder) {
    const auto options = member<json>(stored, "options", folder);
    film::Request made;
    film::find_field("size")->set(made, Field("size", member<std::string>(options, "size", folder)));
    film::Settings s;
    s.width = r.settings.width.value_or(*made.settings.width);
    s.height = r.settings.height.value_or(*made.settings.height);
    s.frames = member<int64_t>(stored, "frames", folder);
    s.steps = member<int64_t>(stored, "steps", folder);
    s.fps = r.settings.fps.value_or(member<double>(options, "fps", folder));
    return s;
}

// The files of a model of which what decodes alone is wanted.
film::ModelFiles decoder_of(const film::Request& r) {
    film::ModelFiles files;
    film::set_decoder(files, r.parts);
    if (!files.decoder.empty()) return files;
    require_valid(r.parts.vae.empty() || is_file(r.parts.vae), Field("vae", r.parts.vae.string()), ": no such file");
    files.vae = r.parts.vae;
    if (files.vae.empty())
        files.vae = film::find_model(r.model.empty() ? film::demo_model_folder() : r.model).need(film::Part::vae);
    return files;
}

film::Networks networks_of(const film::ModelFiles& files) {
    const models::Umt5 no_encoder((models::Umt5Config()));
    if (files.decoder.empty()) {
        film::Networks vae{{}, models::WanVae::load(files.vae), no_encoder};
        film::check_vae_config(files.vae, vae.vae.config());
        return vae;
    }
    checkpoint::Notes notes;
    models::SmallVae decoder = film::load_decoder(files, notes);
    models::WanVae vae = film::vae_of_decoder(files, decoder);
    return {{}, std::move(vae), no_encoder, std::move(notes), std::move(decoder)};
}

// The small decoder among what the film was made with: this one, not the job's.
void record_decoder(const film::Request& request, json& options) {
    const film::Request r = film::with_whole_paths(request);
    for (const char* name : {"decoder", "decoder-latents"}) {
        const json given = film::find_field(name)->get(r);
        if (given.is_null()) {
            options.erase(name);
        } else {
            options[name] = given;
        }
    }
}

// Of the job; throws InvalidRequest where they are not there, or not final.
sampling::SampleState final_latents(const job::Job& job, const job::SavedStages& saved, int64_t steps) {
    const Remedy resume{Remedy::Kind::resume, job.folder().string()};
    for (const std::string& damaged : saved.damaged)
        require_valid(saved.latents.has_value(), damaged, "; to make it again: ", resume);
    const int64_t step = saved.latents ? saved.latents->step : 0;
    require_valid(saved.latents && step == steps, "job folder ", job.folder().string(), " is at step ", step, " of ",
                  steps, "; finish it first: ", resume);
    return *saved.latents;
}

// That of the video which the job's film was made from, where it is what it was and the film runs as fast.
Sound sound_of_job(const film::Request& r, const json& stored, double fps, const fs::path& folder) {
    Sound sound = sound_of(r);
    if (sound.video.empty()) return sound;
    const json input = stored.value("input", json::object());
    const double made_at = member<double>(member<json>(stored, "options", folder), "fps", folder);
    if (fps != made_at)
        return {{}, Message("at ", fps, " frames per second the film is faster or slower than ", sound.video.string())};
    if (input.value("video", "") != content_hash(sound.video))
        return {{}, Message(sound.video.string(), " is another video than the film was made from")};
    return sound;
}

}  // namespace

Result Session::decode(const film::Request& request, Observer& observer, std::stop_token stop) {
    const auto start = Clock::now();
    film::check_request(request);
    const fs::path folder = request.job_folder();
    const json stored = job::request_of_job(folder);
    require_same_latents(request, stored, folder);
    film::Film film{.settings = settings_of(request, stored, folder)};
    const film::Settings& s = film.settings;
    const film::ModelFiles files = decoder_of(request);
    const fs::path& decoder = files.decoder.empty() ? files.vae : files.decoder;
    FileModel& model = open(files, [&] { return networks_of(files); });
    film.size = film::frame_size(s.width, s.height, s.frames, model.networks().traits().cell);

    job::Job job(folder, stored);
    Material material;
    material.latents = final_latents(job, job.stages(ctx_.threads()), s.steps);
    const Shape latent = material.latents->x.shape(), fitting = latent_shape(film, model.networks().vae.config());
    require_valid(latent == fitting, "the latents of ", folder.string(), " are ", latent, ", but a film of ", s.width,
                  "x", s.height, ", ", s.frames, " frames, by ", decoder.string(), " has ", fitting,
                  "; give the film's own ", Field("size"), ", and its model's VAE");
    material.embeddings.emplace();  // what it took to make the latents is done

    JobFilm made{request, film, {stored.at("options"), job::film_id(stored), "cpu", "f32"}, {}, {}, {}};
    made.check_output();
    job::FilmOrigin& origin = made.origin;
    if (stored.contains("device")) origin.device = member<std::string>(stored, "device", folder);
    origin.dtype = member<std::string>(stored, "dtype", folder);
    origin.options["size"] = concat(s.width, 'x', s.height);
    origin.options["fps"] = s.fps;
    made.sound = sound_of_job(request, stored, s.fps, folder);
    record_decoder(request, origin.options);
    made.settle_format(model.decoder_record());
    std::vector<fs::path> inputs = request.further_inputs;
    inputs.push_back(decoder);
    made.claim(job.written(), inputs, observer);
    remove_partials(media::folder_of(request.output), origin.film);
    if (!made.side.sheet.empty()) remove_partial(made.side.sheet, origin.film);

    const plan::Plan plan = this->plan(model, film, material, machine(made.format), [&] { stop_early(stop); });
    const size_t needed = plan.stages.front().bytes;
    require_valid(needed <= plan.allowed, "decode of ", s.width, "x", s.height, ", ", s.frames, " frames, needs ",
                  readable_bytes(needed), ", but ", plan.about_allowed(), " may be used; allow more with ",
                  Field("memory"), ", or use a machine that has more");
    observer.begins({request, model.files(), film, {}, plan, true});
    for (const std::string& note : model.networks().notes) observer.note(Message(note));
    work(model, made, job, plan, material, {observer, stop, job});
    return {request.output, made.side.sheet, folder, s, film.size, seconds_since(start)};
}

}  // namespace t3video::session
