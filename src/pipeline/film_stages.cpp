// Stages on networks that are open.
#include "pipeline/film_stages.h"

#include <fmt/format.h>

#include "checkpoint/mapped_file.h"
#include "core/content_hash.h"
#include "core/log.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "media/contact_sheet.h"
#include "media/frame_writer.h"
#include "media/png.h"
#include "pipeline/embed.h"
#include "pipeline/safe_points.h"
#include "pipeline/stages.h"
#include "pipeline/weight_check.h"

namespace t3video::pipeline {
namespace {

namespace fs = std::filesystem;

std::string record_text(Context& ctx, const Request& request, const FilmOrigin& origin) {
    if (!request.record) return {};
    return film_record(ctx, origin, media::film_format(request.output, request.video_options()));
}

// Gives whole files their names, once the job knows them as its own.
void give_names(Job& job, const std::vector<const PartialFile*>& files, const std::string& form,
                const std::function<void()>& name) {
    std::vector<WrittenFiles::Naming> namings;
    for (const PartialFile* file : files) namings.push_back({file->path(), file->target()});
    Bookkeeping book("which files are this film's");
    book.attempt([&] {
        job.keep_folder();
        job.written().expect(namings, form);
    });
    name();
    book.attempt([&] { job.written().settle(namings); });
}

void write_picture(Context& ctx, Job& job, const fs::path& path, const media::Image& image, const FilmOrigin& origin,
                   const std::string& record, bool overwrite) {
    require_valid(overwrite || !is_there(path) || Owner{origin.film, job.written()}.has(path), path.string(),
                  ": has become another file, which is kept");
    PartialFile file(path, origin.film);
    file.write(media::encode_png(image, {.threads = ctx.threads(), .comment = record}));
    give_names(job, {&file}, {}, [&] { file.commit(); });
}

}  // namespace

Embeddings text_stage(FilmRun& run, const text::Tokenizer& tokenizer) {
    if (run.saved.embeddings) return *run.saved.embeddings;
    Context& ctx = run.ctx;
    const bool guided = run.film.settings.cfg != 1.0;
    run.progress.begin("text", guided ? 2 : 1, guided ? "prompts" : "prompt");
    Embeddings e;
    const models::Umt5 encoder = nn::kept(ctx, run.models.text_encoder, run.plan.keep("text"));
    const auto rows = [&](const std::string& prompt) {
        if (const int64_t tokens = count_tokens(tokenizer, prompt); tokens > kTextRows) {
            log_warning(
                fmt::format("A prompt of {} characters has {} tokens; the model reads the first {}, what comes "
                            "after them is cut",
                            prompt.size(), tokens, kTextRows));
        }
        const Tensor embedded = to_host(ctx, embed_prompt(ctx, encoder, tokenizer, prompt));
        if (!is_finite(embedded, ctx.threads())) {
            require_finite_weights(run.models.text_encoder, run.files.text_encoder, ctx.threads());
            throw Error("the text encoder gave values that are infinite or not numbers");
        }
        return embedded;
    };
    e.positive = rows(run.request.prompt);
    run.progress.advance(1);
    stop_if_asked(run.progress, run.job, "after the prompt");
    if (guided) {
        e.negative = rows(run.film.settings.negative_prompt);
        run.progress.advance(2);
    }
    run.progress.end();
    checkpoint::require_unchanged_files();
    Bookkeeping("the embeddings").attempt([&] { run.job.save(e); });
    return e;
}

Tensor encode_stage(FilmRun& run, const Input& input) {
    const Settings& s = run.film.settings;
    if (!s.takes_latent()) return {};
    if (!run.plan.has("encode")) return run.saved.input.value_or(Tensor());
    const int64_t frames = s.source == Source::image ? 1 : s.frames;
    run.progress.begin("encode", frames, frames == 1 ? "picture" : "frames");
    const Tensor latent =
        encode_input(run.ctx, nn::kept(run.ctx, run.models.vae, run.plan.keep("encode"), models::WanVae::Half::encoder),
                     input, run.film.frames, s.frames, [&](int64_t read) {
                         run.progress.advance(read);
                         if (read < frames) stop_if_asked(run.progress, run.job, "while reading its input");
                     });
    run.progress.end();
    checkpoint::require_unchanged_files();
    Bookkeeping("the encoded input").attempt([&] { run.job.save_input(latent); });
    return latent;
}

Tensor denoise_stage(FilmRun& run, const Embeddings& embeddings, const Tensor& input) {
    Context& ctx = run.ctx;
    const Request& request = run.request;
    const Settings& s = run.film.settings;
    const auto& solver = solver_of(s);
    auto schedule = solver.schedule({.steps = s.steps, .shift = s.shift, .strength = s.strength});
    if (request.bf16_timesteps) sampling::round_timesteps(schedule);

    sampling::SampleState start;
    if (run.saved.latents) {
        start = std::move(*run.saved.latents);
        log_info(
            fmt::format("Going on from step {} of {} in {}", start.step, schedule.steps(), run.job.folder().string()));
        if (start.step == schedule.steps()) return start.x;
        start.x = to_device(ctx, start.x);
        for (Tensor& earlier : start.history) earlier = to_device(ctx, earlier);
        for (auto& [name, kept] : start.further) kept = to_device(ctx, kept);
    } else {
        const Shape shape = latent_shape(run.film, run.models.vae.config());
        start.x = make_noise(ctx, shape, request.seed, request.noise, request.multiprocessors);
        if (input.defined() && s.source == Source::video)
            start.x = noised(ctx, to_device(ctx, input), start.x, schedule.sigmas.front());
    }
    Tensor first_frame;
    if (s.source == Source::image) first_frame = to_device(ctx, input);

    std::optional<Preview> preview;
    if (!run.side.preview.empty()) {
        preview.emplace(LatentColours(ctx, nn::placed(ctx, run.models.vae)), schedule, request.preview_every);
        ctx.allocator().trim();
    }
    const std::string record = record_text(ctx, request, run.origin);
    const auto show = [&](const media::Image& image) {
        write_picture(ctx, run.job, run.side.preview, image, run.origin, record, request.overwrite);
    };
    const nn::Keep keep = run.plan.keep("denoise");
    ExpertsInTurn experts(run.models.experts, [&](const models::WanDit& dit) { return nn::kept(ctx, dit, keep); });
    experts.turn_to(schedule.sigmas[static_cast<size_t>(start.step)]);  // before steps are timed
    StepWatch watch(ctx, run.job, schedule, std::move(preview), show, run.progress);
    watch.begin(start);
    const auto observe = [&](const sampling::SampleState& state) { watch.after(state); };
    try {
        const Tensor x =
            denoise_film(ctx, std::move(experts), run.film, embeddings, schedule, std::move(start),
                         {.together = run.plan.together("denoise"), .first_frame = first_frame, .observer = observe});
        run.progress.end();
        return to_host(ctx, x);
    } catch (const Error&) {
        if (!watch.broken()) throw;
        for (const checkpoint::Lora& lora : run.files.loras) require_finite_file(lora.file, ctx.threads());
        for (const Expert& expert : run.models.experts)
            require_finite_weights(expert.dit, run.files.dit, ctx.threads());
        throw;
    }
}

std::string form_of(const Request& request, const Settings& s, const fs::path& vae) {
    nlohmann::json form = format_record(media::film_format(request.output, request.video_options()));
    form["size"] = {s.width, s.height};
    form["fps"] = s.fps;
    form["record"] = request.record;
    form["vae"] = sampled_hash(vae);
    return form.dump();
}

void decode_stage(const DecodeRun& run, const Tensor& latent) {
    const Settings& s = run.settings;
    const Request& request = run.request;
    media::VideoOptions options = request.video_options();
    options.threads = run.ctx.threads();
    options.comment = record_text(run.ctx, request, run.origin);
    options.owner = run.origin.film;
    DecodeWatch watch(request.output, run.job, s.frames, run.progress);
    const auto video = media::open_writer(request.output, s.width, s.height, s.fps, options);
    media::ContactSheet sheet(s.frames);
    decode_film(run.ctx, run.vae, s, latent, run.band_rows,
                {.frame =
                     [&](const media::Image& image) {
                         sheet.add(video->frames(), image);
                         video->write(image);
                     },
                 .decoded = [&](int64_t frames) { watch.decoded(frames); },
                 .samples = media::film_format(request.output, options).samples});
    video->finish();
    const Owner owner{run.origin.film, run.job.written()};
    require_still_free(request, s.frames, owner);
    // Before the film has its name: a film that is there is finished.
    if (!run.side.sheet.empty()) {
        Bookkeeping("the contact sheet").attempt([&] {
            write_picture(run.ctx, run.job, run.side.sheet, sheet.image(), run.origin, options.comment,
                          request.overwrite);
        });
    }
    give_names(run.job, video->files(), run.form, [&] { video->close(); });
    remove_later_pictures(request, s.frames, owner);
    watch.finished();
}

}  // namespace t3video::pipeline
