// Stages to job, observer and files.
#include "session/film_watch.h"

#include <algorithm>
#include <cmath>

#include "checkpoint/finite.h"
#include "core/error.h"
#include "core/paths.h"
#include "media/png.h"
#include "media/sound.h"
#include "session/step_cache.h"

namespace t3video::session {
namespace {

namespace fs = std::filesystem;

bool is(const char* stage, std::string_view name) {
    return stage == name;
}

// In words; empty where all were computed, and before the latents are final.
std::string computed_passes(const Material& material) {
    if (!material.latents) return {};
    const auto found = material.latents->further.find(kComputedPasses);
    return found == material.latents->further.end() ? std::string() : sampling::computed_text(found->second);
}

}  // namespace

Sound sound_of(const film::Request& request) {
    const fs::path& video = request.inputs.video;
    if (!request.sound || video.empty()) return {};
    try {
        if (is_folder(video)) return {};  // of pictures
        Message silence = media::sound_obstacle(video, request.output);
        if (silence.empty()) return {video, {}};
        return {{}, silence};
    } catch (const InvalidRequest& error) {
        return {{}, error.message()};
    }
}

void JobFilm::check_output() const {
    const film::Settings& s = film.settings;
    require_valid(s.frames == 1 || !media::is_one_picture(request.output), request.output.string(),
                  " is one picture, but the film has ", s.frames, " frames; write a video or numbered pictures, as in ",
                  (request.output.parent_path() / request.output.stem() / "%05d").string(),
                  request.output.extension().string(), ", or make ", Field("frames", 1));
    media::check_film(request.output, s.width, s.height, s.fps, request.video_options());
}

void JobFilm::settle_format(const nlohmann::json& decoder) {
    format = media::film_format(request.output, request.video_options());
    nlohmann::json all = job::format_record(format);
    all["size"] = {film.settings.width, film.settings.height};
    all["fps"] = film.settings.fps;
    all["record"] = request.record;
    if (!sound.video.empty()) all["sound"] = true;
    all.update(decoder);
    form = all.dump();
}

void JobFilm::claim(const job::WrittenFiles& written, const std::vector<fs::path>& inputs, Observer& observer) {
    side = job::claim_outputs(request, film.settings.frames, {origin.film, written}, inputs);
    for (const Message& note : side.notes) observer.note(note);
    for (const Message& warning : side.warnings) observer.warn(warning);
    if (!sound.silence.empty()) observer.note(Message("No sound: ", sound.silence));
}

bool JobFilm::is_there(const job::WrittenFiles& written) const {
    const int64_t frames = film.settings.frames;
    const auto entries = media::entries_of_output(request.output);
    const bool one = format.kind == media::OutputKind::video || format.kind == media::OutputKind::y4m;
    if (static_cast<int64_t>(entries.size()) < (one ? 1 : frames)) return false;
    return std::ranges::all_of(entries, [&](const media::OutputEntry& entry) {
        return entry.frame >= frames || written.has(entry.path, form);
    });
}

FilmWatch::FilmWatch(Context& ctx, const FileModel& model, const JobFilm& film, job::Job& job, Material& material,
                     Asker asker, LatentPainter painter)
    : ctx_(ctx),
      model_(model),
      film_(film),
      job_(job),
      material_(material),
      asker_(std::move(asker)),
      painter_(std::move(painter)) {}

std::string FilmWatch::record() const {
    if (!film_.request.record) return {};
    return job::film_record(ctx_, film_.origin, film_.format, computed_passes(material_));
}

void FilmWatch::begin(const char* stage, int64_t total, const char* unit) {
    total_ = total;
    // The steps of a denoising begin, for who times them, with StepWatch: once its weights are there.
    if (!is(stage, "denoise")) asker_.observer.stage(stage, total, unit);
    if (is(stage, "decode")) open_film();
}

void FilmWatch::prepared(const plan::StagePlan& stage, double seconds) {
    if (stage.residency == nn::Residency::resident && ctx_.device() == Device::cpu)
        return;  // as they lie in their files
    const char* const how = stage.streamed()                           ? "to be streamed"
                            : stage.residency == nn::Residency::packed ? "packed"
                                                                       : "placed";
    asker_.observer.note(Message("Weights of ", stage.name, " ", how, " in ", std::round(seconds * 100) / 100, " s"));
}

void FilmWatch::embedded(const Tensor& rows, int64_t prompts) {
    if (!checkpoint::is_finite(rows, ctx_.threads())) {
        model_.require_finite_text_encoder(ctx_.threads());
        throw Error("the text encoder gave values that are infinite or not numbers");
    }
    asker_.observer.advanced(prompts);
    if (prompts < total_) asker_.stop_if_asked("after the prompt");
}

void FilmWatch::encoding(int64_t frames) {
    asker_.observer.advanced(frames);
    if (frames < total_) asker_.stop_if_asked("while its input was encoded");
}

void FilmWatch::starts(const sampling::Schedule& schedule, const sampling::SampleState& state) {
    std::optional<Preview> preview;
    if (painter_) preview.emplace(painter_, schedule, film_.request.preview_every);
    const auto show = [this](const media::Image& image) {
        asker_.observer.preview(image);
        write_picture(film_.side.preview, image);
    };
    steps_.emplace(ctx_, job_, schedule, std::move(preview), show, asker_);
    steps_->begin(state);
}

void FilmWatch::stepped(const sampling::SampleState& state) {
    model_.require_unchanged();
    steps_->after(state);
}

void FilmWatch::frame(const media::Image& frame) {
    sheet_->add(writer_->frames(), frame);
    writer_->write(frame);
}

void FilmWatch::decoded(int64_t frames) {
    model_.require_unchanged();
    frames_->decoded(frames);
}

void FilmWatch::end(const char* stage) {
    model_.require_unchanged();
    if (is(stage, "text"))
        Bookkeeping(asker_.observer, "the embeddings").attempt([&] { job_.save(*material_.embeddings); });
    if (is(stage, "encode"))
        Bookkeeping(asker_.observer, "the encoded input").attempt([&] { job_.save_input(material_.input_latent); });
    if (is(stage, "decode")) close_film();
    asker_.observer.stage_ended();
    if (frames_) frames_->finished();
}

void FilmWatch::open_film() {
    const film::Request& r = film_.request;
    const film::Settings& s = film_.film.settings;
    media::VideoOptions options = r.video_options();
    options.threads = ctx_.threads();
    options.comment = record();
    options.owner = film_.origin.film;
    if (!film_.sound.video.empty()) {
        const Sound now = sound_of(r);  // hours may have passed
        options.sound = now.video;
        asker_.observer.note(now.silence.empty() ? Message("Sound: copied from ", now.video.string())
                                                 : Message("No sound: ", now.silence));
    }
    frames_.emplace(r.output, job_, s.frames, asker_);
    writer_ = media::open_writer(r.output, s.width, s.height, s.fps, options);
    sheet_.emplace(s.frames);
}

void FilmWatch::close_film() {
    const film::Request& r = film_.request;
    const int64_t frames = film_.film.settings.frames;
    writer_->finish();
    const job::Owner owner{film_.origin.film, job_.written()};
    job::require_still_free(r, frames, owner);
    // Before the film has its name: a film that is there is finished.
    if (!film_.side.sheet.empty()) {
        Bookkeeping(asker_.observer, "the contact sheet").attempt([&] {
            write_picture(film_.side.sheet, sheet_->image());
        });
    }
    give_names(writer_->files(), film_.form, [&] { writer_->close(); });
    job::remove_later_pictures(r, frames, owner);
}

// Gives whole files their names, once the job knows them as its own.
void FilmWatch::give_names(const std::vector<const PartialFile*>& files, const std::string& form,
                           const std::function<void()>& name) {
    std::vector<job::WrittenFiles::Naming> namings;
    for (const PartialFile* file : files) namings.push_back({file->path(), file->target()});
    Bookkeeping book(asker_.observer, "which files are this film's");
    book.attempt([&] {
        job_.keep_folder();
        job_.written().expect(namings, form);
    });
    name();
    book.attempt([&] { job_.written().settle(namings); });
}

void FilmWatch::write_picture(const fs::path& path, const media::Image& image) {
    require_valid(film_.request.overwrite || !is_there(path) || job::Owner{film_.origin.film, job_.written()}.has(path),
                  path.string(), ": has become another file, which is kept");
    PartialFile file(path, film_.origin.film);
    file.write(media::encode_png(image, {.threads = ctx_.threads(), .comment = record()}));
    give_names({&file}, {}, [&] { file.commit(); });
}

}  // namespace t3video::session
