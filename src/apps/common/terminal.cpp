// Films in words.
#include "apps/common/terminal.h"

#include <fmt/format.h>

#include "apps/common/log.h"
#include "apps/common/tongue.h"
#include "core/readable_bytes.h"
#include "film/field_values.h"

namespace t3video::apps {
namespace {

void describe(const film::Request& request, const film::Film& film, const film::ModelFiles& files) {
    const film::Settings& s = film.settings;
    const film::FrameSize& size = film.size;
    const bool cropped = size.width != s.width || size.height != s.height;
    log_info(fmt::format("Model {}", files.folder.string()));
    for (const std::string& note : files.notes) log_info(note);
    for (const checkpoint::Lora& lora : files.loras)
        log_info(fmt::format("LoRA {} with weight {}", lora.file.string(), lora.weight));
    log_info(fmt::format("Film {}x{}, {} frames at {} fps{}; {} steps of {}, shift {}, cfg {}, seed {}", s.width,
                         s.height, s.frames, film::fps_text(s.fps),
                         cropped ? fmt::format(" (cropped from {}x{})", size.width, size.height) : "", s.steps,
                         s.solver, s.shift, s.cfg, request.seed));
    log_info(fmt::format("Self-attention over {} tokens: {}", size.grid.tokens(), film.attention.origin));
}

void describe(const film::Input& input, const film::Film& film) {
    if (!input.choices.any()) return;
    const bool still = film.settings.source == film::Source::image;
    log_info(fmt::format(
        "{} {}, {}x{}{}{}", still ? "Begins with" : "Made from", input.choices.path().string(), input.width,
        input.height, input.choices.fit == film::Fit::crop ? ", resized and cropped" : ", stretched",
        still ? "" : fmt::format(", {} frames, strength {}", film.settings.frames, film.settings.strength)));
}

void describe(const plan::Plan& plan) {
    for (const plan::StagePlan& stage : plan.stages) {
        log_info(fmt::format("Plan   {:<8} {:>10}, {:>9}{}", stage.name, format_duration(stage.seconds),
                             readable_bytes(stage.total()), stage.about_weights()));
    }
    log_info(fmt::format("Plan   {:<8} {:>10}, {:>9} of {}", "all", format_duration(plan.seconds()),
                         readable_bytes(plan.bytes()), plan.about_allowed()));
}

}  // namespace

Terminal::Terminal(bool quiet, std::string title) : title_(std::move(title)), progress_(Progress::for_stderr(quiet)) {
    set_quiet(quiet);
}

void Terminal::begins(const session::Beginning& b) {
    work_.emplace();
    if (!title_.empty()) log_info(title_);
    if (b.latents_only_decoded) {
        const film::Settings& s = b.film.settings;
        log_info(fmt::format("Film {}x{}, {} frames at {} fps, from the latents of {}", s.width, s.height, s.frames,
                             film::fps_text(s.fps), b.request.job_folder().string()));
        return;
    }
    describe(b.request, b.film, b.files);
    describe(b.input, b.film);
    describe(b.plan);
}

void Terminal::stage(const std::string& name, int64_t total, const std::string& unit) {
    computed_.reset();
    progress_.begin(name, total, unit);
}

void Terminal::advanced(int64_t done) {
    progress_.advance(done, computed_ ? fmt::format("{} computed", *computed_) : std::string());
}

void Terminal::note(const Message& line) {
    progress_.give_way();
    log_info(line.in(command_line()));
}

void Terminal::warn(const Message& line) {
    progress_.give_way();
    log_warning(line.in(command_line()));
}

void report(const session::Result& result) {
    const auto& sheet = result.contact_sheet;
    if (result.was_there) return log_info(fmt::format("{} is there, as this command makes it", result.video.string()));
    log_info(fmt::format("Wrote {}{} in {}", result.video.string(), sheet.empty() ? "" : " and " + sheet.string(),
                         format_duration(result.seconds)));
}

}  // namespace t3video::apps
