// What happens between steps of denoising and between frames of decoding: state is saved, pictures are shown, and a
// wish to stop is met.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "core/interrupt.h"
#include "core/progress.h"
#include "pipeline/job.h"
#include "pipeline/preview.h"

namespace t3video::pipeline {

// A path as a shell takes it: in quotes where it needs them.
std::string shell_word(const std::filesystem::path& path);

// Throws Interrupted where the user asked to stop: how far the film is (`done`), and how to go on.
void stop_if_asked(Progress& progress, const Job& job, const std::string& done);

// While it lives, a wish to stop that has waited for so many seconds ends the work between two ops, rather than at the
// end of a step or frame: by stop_if_asked(). What was saved last stays. Before, a signal ends the program at once.
class Patience {
  public:
    Patience(Context& ctx, Progress& progress, const Job& job, double seconds = 5);
    ~Patience() { ctx_.set_poll({}); }
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;

  private:
    const WorkToKeep work_;
    Context& ctx_;
};

// Saves what only helps later: a disk that refuses ends no film.
class Bookkeeping {
  public:
    explicit Bookkeeping(std::string of) : of_(std::move(of)) {}
    // Whether `save` succeeded. The first time in a row that it throws Error is said in the log, and when it works
    // again.
    bool attempt(const std::function<void()>& save);

  private:
    std::string of_;  // for the log: "the latents"
    bool failing_ = false;
};

// Whether a state should be saved after `work` seconds since the last one, where saving took `cost` seconds: always
// while that is under a twentieth of the work, and at the latest after 30 s.
bool worth_saving(double work, double cost);

class StepWatch {
  public:
    // `show` takes the preview's pictures.
    StepWatch(Context& ctx, Job& job, const sampling::Schedule& schedule, std::optional<Preview> preview,
              std::function<void(const media::Image&)> show, Progress& progress);

    // Before the first step.
    void begin(const sampling::SampleState& start);
    // After each. Throws Error for values that are not numbers, Interrupted.
    void after(const sampling::SampleState& state);
    // Whether the values of the last state that was saved were no numbers; it was not saved.
    bool broken() const { return broken_; }
    int64_t saved_step() const { return saved_step_; }

  private:
    using Clock = std::chrono::steady_clock;

    void save(const sampling::SampleState& state);

    Context& ctx_;
    Job& job_;
    Bookkeeping latents_{"the latents"}, picture_{"the preview"};
    int64_t steps_, saved_step_ = -1;
    std::optional<Preview> preview_;
    std::function<void(const media::Image&)> show_;
    Progress& progress_;
    Clock::time_point saved_at_;
    double cost_ = 0;  // seconds that saving took
    bool broken_ = false;
};

// Writes decode.json at the beginning, every few seconds and at the end.
class DecodeWatch {
  public:
    DecodeWatch(const std::filesystem::path& output, Job& job, int64_t frames, Progress& progress);

    void decoded(int64_t frames);  // so many; throws Interrupted
    void finished();               // the film has its name

  private:
    using Clock = std::chrono::steady_clock;

    void save(int64_t frames);

    Job& job_;
    Bookkeeping book_{"how far the film is written"};
    Decoded record_;
    Progress& progress_;
    Clock::time_point saved_at_;
};

}  // namespace t3video::pipeline
