// Saving, showing, stopping.
#include "pipeline/safe_points.h"

#include "core/error.h"
#include "core/interrupt.h"
#include "media/png.h"
#include "pipeline/weight_check.h"

namespace t3video::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

void stop_if_asked(Progress& progress, const Job& job, const std::string& done) {
    if (interrupt_signal() == 0) return;
    progress.end();
    throw Interrupted(
        concat("stopped ", done, "; to go on: t3video resume ", job.folder().string(), " (or the same command again)"));
}

Patience::Patience(Context& ctx, Progress& progress, const Job& job, double seconds) : ctx_(ctx) {
    ctx_.set_poll([&progress, &job, seconds, since = std::optional<Clock::time_point>()]() mutable {
        if (interrupt_signal() == 0) return;
        if (!since) since = Clock::now();
        if (seconds_since(*since) >= seconds) stop_if_asked(progress, job, "in the middle of a stage");
    });
}

bool worth_saving(double work, double cost) {
    constexpr double kLongest = 30, kShare = 0.05;  // seconds that a crash may cost; share of the time for saving
    return work > kLongest || cost <= kShare * work;
}

StepWatch::StepWatch(Context& ctx, const Request& request, const Job& job, const sampling::Schedule& schedule,
                     std::optional<Preview> preview, Progress& progress)
    : ctx_(ctx),
      request_(request),
      job_(job),
      steps_(schedule.steps()),
      preview_(std::move(preview)),
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
    const bool last = state.step == steps_;
    if (last || worth_saving(seconds_since(saved_at_), cost_)) save(state);
    if (preview_) {
        if (const auto image = preview_->see(ctx_, state)) media::write_png(request_.preview_path(), *image);
    }
    progress_.advance(state.step);
    if (last || interrupt_signal() == 0) return;
    if (saved_step_ != state.step) save(state);
    stop_if_asked(progress_, job_, concat("after step ", state.step, " of ", steps_));
}

void StepWatch::save(const sampling::SampleState& state) {
    const auto start = Clock::now();
    sampling::SampleState copy{state.step, to_host(ctx_, state.x), {}};
    for (const Tensor& earlier : state.history) copy.history.push_back(to_host(ctx_, earlier));
    broken_ = !is_finite(copy.x, ctx_.threads());
    require(!broken_, "step ", state.step, " of denoising gave values that are infinite or not numbers");
    job_.save(copy);
    saved_step_ = state.step;
    saved_at_ = Clock::now();
    cost_ = std::chrono::duration<double>(saved_at_ - start).count();
}

DecodeWatch::DecodeWatch(const Request& request, const Job& job, int64_t frames, Progress& progress)
    : job_(job),
      record_{std::filesystem::absolute(request.output), request.command, 0, frames},
      progress_(progress),
      saved_at_(Clock::now()) {
    job_.save(record_);
    progress_.begin("decode", frames, "frames");
}

void DecodeWatch::decoded(int64_t frames) {
    progress_.advance(frames);
    constexpr double kEvery = 5;  // seconds
    // The last frame counts when the film has its name.
    if (frames < record_.of && seconds_since(saved_at_) > kEvery) {
        record_.frames = frames;
        job_.save(record_);
        saved_at_ = Clock::now();
    }
    if (frames == record_.of || interrupt_signal() == 0) return;
    record_.frames = frames;
    job_.save(record_);
    stop_if_asked(progress_, job_, concat("after frame ", frames, " of ", record_.of, ", whose latents are kept"));
}

void DecodeWatch::finished() {
    progress_.end();
    record_.frames = record_.of;
    job_.save(record_);
}

}  // namespace t3video::pipeline
