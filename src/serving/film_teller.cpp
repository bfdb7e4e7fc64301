// From what a session tells to shares of time.
#include "serving/film_teller.h"

#include <algorithm>

namespace t3video::serving {
namespace {

double lap(Clock::time_point& since) {
    const double seconds = seconds_since(since);
    since = Clock::now();
    return seconds;
}

}  // namespace

double* FilmTeller::time_of(const std::string& stage) {
    if (stage == "text") return &times_.text;
    if (stage == "encode") return &times_.encode;
    if (stage == "denoise") return &times_.denoise;
    return &times_.decode;
}

void FilmTeller::begins(const session::Beginning& film) {
    const film::Settings& s = film.film.settings;
    settle_({s.width, s.height, s.frames, s.steps, s.fps});
    for (const plan::StagePlan& stage : film.plan.stages) planned_.emplace_back(stage.name, stage.seconds);
    for (const auto& [name, seconds] : planned_) planned_all_ += seconds;
    times_.opening = lap(since_);
    begun_ = true;
}

void FilmTeller::stage(const std::string& name, int64_t total, const std::string& unit) {
    times_.weights += lap(since_);
    stage_since_ = since_;
    in_stage_ = true;
    first_ = -1;
    progress_.stage = name;
    progress_.unit = unit;
    progress_.done = 0;
    progress_.of = total;
    estimate();
    if (name != "denoise") tell_(progress_);  // which says at once how many steps an earlier run had done
}

void FilmTeller::advanced(int64_t done) {
    // A denoising that goes on begins with what an earlier run had done, which is told first.
    if (first_ < 0) first_ = progress_.stage == "denoise" ? done : 0;
    progress_.done = done;
    estimate();
    tell_(progress_);
}

// The rest of the stage at the pace seen so far, or as planned, and the planned time of those behind it. The plan is of
// what an earlier run left, so that its part comes on top.
void FilmTeller::estimate() {
    const auto stage = std::ranges::find(planned_, progress_.stage, [](const auto& planned) { return planned.first; });
    if (stage == planned_.end()) return;
    double behind = 0;
    for (auto later = stage + 1; later != planned_.end(); ++later) behind += later->second;
    const int64_t first = std::max<int64_t>(first_, 0), now = std::max<int64_t>(progress_.done - first, 0),
                  all = std::max<int64_t>(progress_.of - first, 1);
    const double unit = stage->second / static_cast<double>(all);
    if (first > 0) earlier_ = unit * static_cast<double>(first);
    const double done = earlier_ + planned_all_ - stage->second - behind + unit * static_cast<double>(now);
    if (planned_all_ > 0) progress_.share = std::clamp(done / (planned_all_ + earlier_), 0.0, 1.0);
    const double pace = now > 0 ? seconds_since(stage_since_) / static_cast<double>(now) : unit;
    progress_.eta = pace * static_cast<double>(all - now) + behind;
}

void FilmTeller::stage_ended() {
    if (!in_stage_) return;
    *time_of(progress_.stage) += lap(since_);
    in_stage_ = false;
}

void FilmTeller::preview(const media::Image& /*picture*/) {
    // Of a film that goes on, too, another number than those before it had.
    progress_.preview = std::max(progress_.preview, progress_.done) + 1;
}

Times FilmTeller::times() const {
    Times times = times_;
    (begun_ ? times.closing : times.opening) += seconds_since(since_);
    return times;
}

}  // namespace t3video::serving
