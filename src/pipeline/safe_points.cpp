// Saving, showing, stopping.
#include "pipeline/safe_points.h"

#include "checkpoint/mapped_file.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/paths.h"
#include "pipeline/weight_check.h"

namespace t3video::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

std::string shell_word(const std::filesystem::path& path) {
    const std::string text = path.string();
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+,:=@%";
    if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
    std::string word = "'";
    for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return word + "'";
}

void stop_if_asked(Progress& progress, const Job& job, const std::string& done) {
    if (interrupt_signal() == 0) return;
    progress.end();
    throw Interrupted(concat("stopped ", done, "; to go on: t3video resume ", shell_word(job.folder()),
                             " (or the same command again)"));
}

Patience::Patience(Context& ctx, Progress& progress, const Job& job, double seconds) : ctx_(ctx) {
    ctx_.set_poll([&progress, &job, seconds, since = std::optional<Clock::time_point>()]() mutable {
        if (interrupt_signal() == 0) return;
        if (!since) since = Clock::now();
        if (seconds_since(*since) >= seconds) stop_if_asked(progress, job, "in the middle of a stage");
    });
}

bool Bookkeeping::attempt(const std::function<void()>& save) {
    try {
        save();
        if (failing_) log_info(concat("Saved again: ", of_));
        failing_ = false;
    } catch (const Error& error) {
        if (!failing_) log_warning(concat("Could not save ", of_, ", and goes on without: ", error.what()));
        failing_ = true;
    }
    return !failing_;
}

bool worth_saving(double work, double cost) {
    constexpr double kLongest = 30, kShare = 0.05;  // seconds that a crash may cost; share of the time for saving
    return work > kLongest || cost <= kShare * work;
}

StepWatch::StepWatch(Context& ctx, Job& job, const sampling::Schedule& schedule, std::optional<Preview> preview,
                     std::function<void(const media::Image&)> show, Progress& progress)
    : ctx_(ctx),
      job_(job),
      steps_(schedule.steps()),
      preview_(std::move(preview)),
      show_(std::move(show)),
      progress_(progress),
      saved_at_(Clock::now()) {}

void StepWatch::begin(const sampling::SampleState& start) {
    saved_step_ = start.step;
    saved_at_ = Clock::now();
    progress_.begin("denoise", steps_, "steps");
    progress_.advance(start.step);
    if (preview_) preview_->see(ctx_, start);
}

void StepWatch::after(const sampling::SampleState& state) {
    checkpoint::require_unchanged_files();
    const bool last = state.step == steps_;
    if (last || worth_saving(seconds_since(saved_at_), cost_)) save(state);
    if (preview_) {
        if (const auto image = preview_->see(ctx_, state)) picture_.attempt([&] { show_(*image); });
    }
    progress_.advance(state.step);
    if (last || interrupt_signal() == 0) return;
    if (saved_step_ != state.step) save(state);
    stop_if_asked(progress_, job_,
                  concat("after step ", state.step, " of ", steps_,
                         saved_step_ == state.step ? "" : concat(", of which step ", saved_step_, " is saved")));
}

void StepWatch::save(const sampling::SampleState& state) {
    const auto start = Clock::now();
    sampling::SampleState copy{state.step, to_host(ctx_, state.x), {}};
    for (const Tensor& earlier : state.history) copy.history.push_back(to_host(ctx_, earlier));
    for (const auto& [name, kept] : state.further) copy.further[name] = to_host(ctx_, kept);
    broken_ = !is_finite(copy.x, ctx_.threads());
    require(!broken_, "step ", state.step, " of denoising gave values that are infinite or not numbers");
    if (latents_.attempt([&] { job_.save(copy); })) saved_step_ = state.step;
    saved_at_ = Clock::now();
    cost_ = std::chrono::duration<double>(saved_at_ - start).count();
}

DecodeWatch::DecodeWatch(const std::filesystem::path& output, Job& job, int64_t frames, Progress& progress)
    : job_(job), record_{absolute_path(output), 0, frames}, progress_(progress) {
    save(0);
    progress_.begin("decode", frames, "frames");
}

void DecodeWatch::save(int64_t frames) {
    record_.frames = frames;
    book_.attempt([&] { job_.save(record_); });
    saved_at_ = Clock::now();
}

void DecodeWatch::decoded(int64_t frames) {
    checkpoint::require_unchanged_files();
    progress_.advance(frames);
    if (frames == record_.of) return;  // the last frame counts when the film has its name
    constexpr double kEvery = 5;       // seconds
    const bool asked = interrupt_signal() != 0;
    if (asked || seconds_since(saved_at_) > kEvery) save(frames);
    if (asked)
        stop_if_asked(progress_, job_, concat("after frame ", frames, " of ", record_.of, ", whose latents are kept"));
}

void DecodeWatch::finished() {
    progress_.end();
    save(record_.of);
}

}  // namespace t3video::pipeline
