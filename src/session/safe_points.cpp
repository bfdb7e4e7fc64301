// Saving, showing, stopping.
#include "session/safe_points.h"

#include "checkpoint/finite.h"
#include "core/error.h"
#include "core/paths.h"
#include "session/step_cache.h"

namespace t3video::session {
void Asker::stop_if_asked(const std::string& done) const {
    if (!stop.stop_requested()) return;
    observer.stage_ended();
    throw Stopped(Message("stopped ", done, "; to go on: ", Remedy{Remedy::Kind::resume, job.folder().string()},
                          " (or ask for the same film again)"));
}

Patience::Patience(Context& ctx, std::stop_token stop, double seconds, std::function<void()> end) : ctx_(ctx) {
    ctx_.set_poll([stop, seconds, end = std::move(end), since = std::optional<Clock::time_point>()]() mutable {
        if (!stop.stop_requested()) return;
        if (!since) since = Clock::now();
        if (seconds_since(*since) >= seconds) end();
    });
}

bool Bookkeeping::attempt(const std::function<void()>& save) {
    try {
        save();
        if (failing_) observer_.note(Message("Saved again: ", of_));
        failing_ = false;
    } catch (const Error& error) {
        if (!failing_) observer_.warn(Message("Could not save ", of_, ", and goes on without: ", error.message()));
        failing_ = true;
    }
    return !failing_;
}

bool worth_saving(double work, double cost) {
    constexpr double kLongest = 30, kShare = 0.01;  // seconds that a crash may cost; share of the time for saving
    return work > kLongest || cost <= kShare * work;
}

StepWatch::StepWatch(Context& ctx, job::Job& job, const sampling::Schedule& schedule, std::optional<Preview> preview,
                     std::function<void(const media::Image&)> show, Asker asker)
    : ctx_(ctx),
      job_(job),
      asker_(std::move(asker)),
      latents_(asker_.observer, "the latents"),
      picture_(asker_.observer, "the preview"),
      steps_(schedule.steps()),
      preview_(std::move(preview)),
      show_(std::move(show)),
      saved_at_(Clock::now()) {}

void StepWatch::begin(const sampling::SampleState& start) {
    saved_step_ = start.step;
    saved_at_ = Clock::now();
    asker_.observer.stage("denoise", steps_, "steps");
    tell(start);
    if (preview_) preview_->see(ctx_, start);
}

void StepWatch::after(const sampling::SampleState& state) {
    const bool last = state.step == steps_;
    if (last || worth_saving(seconds_since(saved_at_), cost_)) save(state, last);
    if (preview_) {
        if (const auto image = preview_->see(ctx_, state)) picture_.attempt([&] { show_(*image); });
    }
    tell(state);
    if (last || !asker_.stop.stop_requested()) return;
    if (saved_step() != state.step) save(state, true);
    asker_.stop_if_asked(concat("after step ", state.step, " of ", steps_,
                                saved_step_ == state.step ? "" : concat(", of which step ", saved_step_, " is saved")));
}

void StepWatch::tell(const sampling::SampleState& state) {
    if (const auto found = state.further.find(kComputedPasses); found != state.further.end())
        asker_.observer.computed(sampling::computed_steps(to_host(ctx_, found->second)));
    asker_.observer.advanced(state.step);
}

int64_t StepWatch::saved_step() {
    finish_saving();
    return saved_step_;
}

void StepWatch::finish_saving() {
    if (saving_.done.valid() && latents_.attempt([&] { saving_.done.get(); })) saved_step_ = saving_.step;
}

void StepWatch::save(const sampling::SampleState& state, bool wait) {
    const auto start = Clock::now();
    finish_saving();
    sampling::SampleState copy{state.step, to_host(ctx_, state.x), {}};
    for (const Tensor& earlier : state.history) copy.history.push_back(to_host(ctx_, earlier));
    for (const auto& [name, tensor] : state.further) copy.further[name] = to_host(ctx_, tensor);
    broken_ = !checkpoint::is_finite(copy.x, ctx_.threads());
    require(!broken_, "step ", state.step, " of denoising gave values that are infinite or not numbers");
    // What is in host memory already may change with the next step.
    const auto when = ctx_.device() == Device::cpu ? std::launch::deferred : std::launch::async;
    saving_ = {state.step, std::async(when, [this, copy = std::move(copy)] { job_.save(copy); })};
    if (wait || when == std::launch::deferred) finish_saving();
    saved_at_ = Clock::now();
    cost_ = seconds_since(start);
}

DecodeWatch::DecodeWatch(const std::filesystem::path& output, job::Job& job, int64_t frames, Asker asker)
    : job_(job),
      asker_(std::move(asker)),
      book_(asker_.observer, "how far the film is written"),
      record_{absolute_path(output), 0, frames} {
    save(0);
}

void DecodeWatch::save(int64_t frames) {
    record_.frames = frames;
    book_.attempt([&] { job_.save(record_); });
    saved_at_ = Clock::now();
}

void DecodeWatch::decoded(int64_t frames) {
    asker_.observer.advanced(frames);
    if (frames == record_.of) return;  // the last frame counts when the film has its name
    constexpr double kEvery = 5;       // seconds
    const bool asked = asker_.stop.stop_requested();
    if (asked || seconds_since(saved_at_) > kEvery) save(frames);
    if (asked) asker_.stop_if_asked(concat("after frame ", frames, " of ", record_.of, ", whose latents are kept"));
}

void DecodeWatch::finished() {
    save(record_.of);
}

}  // namespace t3video::session
