// Latents and a VAE that fits are all it takes.
#include "pipeline/decode_again.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "core/json.h"
#include "core/log.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "media/frame_writer.h"
#include "pipeline/film_stages.h"
#include "pipeline/identity.h"
#include "pipeline/safe_points.h"
#include "pipeline/weight_check.h"

namespace t3video::pipeline {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

template <class T>
T member(const json& object, const char* name, const fs::path& folder) try {
    return object.at(name).get<T>();
} catch (const json::exception&) {
    throw InvalidRequest(concat((folder / "request.json").string(), ": damaged: has no \"", name,
                                "\"; the t3video generate command begins anew"));
}

// Throws InvalidRequest where the request says something else than the job about what its latents depend on.
void require_same_latents(const Request& r, const json& stored, const fs::path& folder) {
    const auto same = [&](const char* name, const json& asked) {
        return !stored.contains(name) || stored[name] == as_utf8(asked);
    };
    const auto same_choice = [&](const char* name, const auto& choice) { return !choice || same(name, json(*choice)); };
    const auto& s = r.settings;
    const size_t loras = stored.contains("loras") ? stored["loras"].size() : 0;
    require_valid(same("prompt", r.prompt) && same("seed", r.seed) && same_choice("frames", s.frames) &&
                      same_choice("steps", s.steps) && same_choice("cfg", s.cfg) && same_choice("shift", s.shift) &&
                      same_choice("solver", s.solver) && same_choice("negative_prompt", s.negative_prompt) &&
                      r.parts.loras.size() == loras,
                  "job folder ", folder.string(), " belongs to another film: its prompt, seed, steps or other options ",
                  "differ from those given; decode takes those of the film's file only");
}

// "448x256"
std::pair<int64_t, int64_t> size_of(const std::string& text) {
    int64_t width = 0, height = 0;
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, width);
    if (first.ptr != end) std::from_chars(first.ptr + 1, end, height);
    return {width, height};
}

// The film's size, length and rate.
Settings settings_of(const Request& r, const json& stored, const fs::path& folder) {
    Settings s;
    const auto options = member<json>(stored, "options", folder);
    std::tie(s.width, s.height) = size_of(member<std::string>(options, "size", folder));
    if (r.settings.width && r.settings.height)
        std::tie(s.width, s.height) = std::pair(*r.settings.width, *r.settings.height);
    s.frames = member<int64_t>(stored, "frames", folder);
    s.steps = member<int64_t>(stored, "steps", folder);
    s.fps = r.settings.fps.value_or(member<double>(options, "fps", folder));
    return s;
}

fs::path vae_of(const Request& r) {
    require_valid(r.parts.vae.empty() || is_file(r.parts.vae), "--vae ", r.parts.vae.string(), ": no such file");
    if (!r.parts.vae.empty()) return r.parts.vae;
    return find_model(r.model.empty() ? demo_model_folder() : r.model).need(Part::vae);
}

// Of the job; throws InvalidRequest where they are not there, or not final.
Tensor final_latents(const Job& job, const SavedStages& saved, int64_t steps) {
    for (const std::string& damaged : saved.damaged) {
        require_valid(saved.latents.has_value(), damaged, "; t3video resume ", shell_word(job.folder()),
                      " makes it again");
    }
    const int64_t step = saved.latents ? saved.latents->step : 0;
    require_valid(saved.latents && step == steps, "job folder ", job.folder().string(), " is at step ", step, " of ",
                  steps, "; finish it first: t3video resume ", shell_word(job.folder()));
    return saved.latents->x;
}

}  // namespace

Result decode_again(Context& ctx, const Request& request, Progress& progress) {
    const auto start = std::chrono::steady_clock::now();
    check_request(request);
    const fs::path folder = request.job_folder();
    const json stored = request_of_job(folder);
    require_same_latents(request, stored, folder);
    const Settings settings = settings_of(request, stored, folder);
    const fs::path vae_file = vae_of(request);
    const auto vae = models::WanVae::load(vae_file);
    const ModelTraits traits = traits_of(vae.config());
    const FramePlan size = plan_frames(settings.width, settings.height, settings.frames, traits.cell);

    Job job(folder, stored);
    const Tensor latent = final_latents(job, job.stages(ctx.threads()), settings.steps);
    const Shape fitting{vae.config().z, size.grid.t, size.grid.h * 2, size.grid.w * 2};
    require_valid(latent.shape() == fitting, "the latents of ", folder.string(), " are ", latent.shape(),
                  ", but a film of ", settings.width, "x", settings.height, ", ", settings.frames, " frames, by ",
                  vae_file.string(), " has ", fitting, "; give the film's own --size, and its model's VAE");
    const media::FilmFormat format = media::film_format(request.output, request.video_options());
    media::check_film(request.output, settings.width, settings.height, settings.fps, request.video_options());

    FilmOrigin origin{stored.at("options"), film_id(stored), "cpu", "f32"};
    if (stored.contains("device")) origin.device = member<std::string>(stored, "device", folder);
    origin.dtype = member<std::string>(stored, "dtype", folder);
    origin.options["size"] = concat(settings.width, 'x', settings.height);
    origin.options["fps"] = settings.fps;
    std::vector<fs::path> inputs = request.further_inputs;
    inputs.push_back(vae_file);
    const SideFiles side = claim_outputs(request, settings.frames, {origin.film, job.written()}, inputs);
    remove_partials(media::folder_of(request.output), origin.film);
    if (!side.sheet.empty()) remove_partial(side.sheet, origin.film);

    Machine machine = machine_of(ctx, request.memory);
    machine.sample_bytes = media::bytes_of(format.samples);
    machine.encoder_bytes = media::encoder_bytes(format);
    Plan plan{.allowed = machine.allowed, .limit = machine.limit};
    plan.stages.push_back(plan_decode(vae, latent.shape(), machine, plan.band_rows));
    const StagePlan* const stage = plan.too_large();
    require_valid(stage == nullptr, "decode of ", settings.width, "x", settings.height, ", ", settings.frames,
                  " frames, needs ", readable_bytes(plan.bytes()), ", but ", plan.about_allowed(),
                  " may be used; allow more with --memory, or use a machine that has more");
    log_info(fmt::format("Film {}x{}, {} frames at {} fps, from the latents of {}", settings.width, settings.height,
                         settings.frames, settings.fps, folder.string()));
    const Patience patience(ctx, progress, job);
    require_finite_weights(vae, vae_file, ctx.threads());
    reserve(ctx, plan, "decode");
    decode_stage({ctx, request, settings, nn::kept(ctx, vae, plan.keep("decode"), models::WanVae::Half::decoder),
                  plan.band_rows, job, origin, side, form_of(request, settings, vae_file), progress},
                 latent);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return {request.output, side.sheet, folder, settings, size, seconds};
}

}  // namespace t3video::pipeline
