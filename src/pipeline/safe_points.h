// What happens between steps of denoising and between frames of decoding: state is saved, pictures are shown, and a
// wish to stop is met.
#pragma once

#include <chrono>
#include <optional>

#include "core/progress.h"
#include "pipeline/job.h"
#include "pipeline/preview.h"
#include "pipeline/request.h"

namespace t3video::pipeline {

// Throws Interrupted where the user asked to stop: how far the film is (`done`), and how to go on.
void stop_if_asked(Progress& progress, const Job& job, const std::string& done);

// While it lives, a wish to stop that has waited for so many seconds ends the work between two ops, rather than at the
// end of a step or frame: by stop_if_asked(). What was saved last stays.
class Patience {
  public:
    Patience(Context& ctx, Progress& progress, const Job& job, double seconds = 5);
    ~Patience() { ctx_.set_poll({}); }
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;

  private:
    Context& ctx_;
};

// Whether a state should be saved after `work` seconds since the last one, where saving took `cost` seconds: always
// while that is under a twentieth of the work, and at the latest after 30 s.
bool worth_saving(double work, double cost);

class StepWatch {
  public:
    StepWatch(Context& ctx, const Request& request, const Job& job, const sampling::Schedule& schedule,
              std::optional<Preview> preview, Progress& progress);

    // Before the first step.
    void begin(const sampling::SampleState& start);
    // After each. Throws Error for values that are not numbers, Interrupted.
    void after(const sampling::SampleState& state);
    // Whether the values of the last state that was saved were no numbers; it was not saved.
    bool broken() const { return broken_; }

  private:
    using Clock = std::chrono::steady_clock;

    void save(const sampling::SampleState& state);

    Context& ctx_;
    const Request& request_;
    const Job& job_;
    int64_t steps_, saved_step_ = -1;
    std::optional<Preview> preview_;
    Progress& progress_;
    Clock::time_point saved_at_;
    double cost_ = 0;  // seconds that saving took
    bool broken_ = false;
};

// Writes decode.json at the beginning, every few seconds and at the end.
class DecodeWatch {
  public:
    DecodeWatch(const Request& request, const Job& job, int64_t frames, Progress& progress);

    void decoded(int64_t frames);  // so many; throws Interrupted
    void finished();               // the film has its name

  private:
    using Clock = std::chrono::steady_clock;

    const Job& job_;
    Decoded record_;
    Progress& progress_;
    Clock::time_point saved_at_;
};

}  // namespace t3video::pipeline
