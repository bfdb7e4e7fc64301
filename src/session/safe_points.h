// What happens between steps of denoising and between frames of decoding: state is saved, pictures are shown, and a
// wish to stop is met.
#pragma once

#include <functional>
#include <future>
#include <optional>
#include <stop_token>

#include "core/clock.h"
#include "job/job.h"
#include "session/observer.h"
#include "session/preview.h"

namespace t3video::session {

// What a film's work answers to.
struct Asker {
    Observer& observer;
    std::stop_token stop;
    const job::Job& job;

    // Throws Stopped where a stop is asked for: how far the film is (`done`), and how to go on.
    void stop_if_asked(const std::string& done) const;
};

// While it lives, a wish to stop that has waited for so many seconds ends the work between two ops, rather than at the
// end of a step or frame: by `end`, which throws.
class Patience {
  public:
    Patience(Context& ctx, std::stop_token stop, double seconds, std::function<void()> end);
    ~Patience() { ctx_.set_poll({}); }
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;

  private:
    Context& ctx_;
};
// Seconds that a step or a frame may take to come to its end.
constexpr double kPatience = 5;

// Saves what only helps later: a disk that refuses ends no film.
class Bookkeeping {
  public:
    Bookkeeping(Observer& observer, std::string of) : observer_(observer), of_(std::move(of)) {}
    // Whether `save` succeeded. The observer hears of the first time in a row that it throws Error, and when it works
    // again.
    bool attempt(const std::function<void()>& save);

  private:
    Observer& observer_;
    std::string of_;  // for people: "the latents"
    bool failing_ = false;
};

// Whether a state should be saved after `work` seconds since the last one, where saving took `cost` seconds: always
// while that is under a hundredth of the work, and at the latest after 30 s.
bool worth_saving(double work, double cost);

class StepWatch {
  public:
    // `show` takes the preview's pictures.
    StepWatch(Context& ctx, job::Job& job, const sampling::Schedule& schedule, std::optional<Preview> preview,
              std::function<void(const media::Image&)> show, Asker asker);

    // Before the first step.
    void begin(const sampling::SampleState& start);
    // After each. Throws Error for values that are not numbers, Stopped.
    void after(const sampling::SampleState& state);
    // Whether the values of the last state that was saved were no numbers; it was not saved.
    bool broken() const { return broken_; }
    // Waits for a save that is under way.
    int64_t saved_step();

  private:
    void save(const sampling::SampleState& state, bool wait);
    void finish_saving();
    void tell(const sampling::SampleState& state);

    Context& ctx_;
    job::Job& job_;
    Asker asker_;
    Bookkeeping latents_, picture_;
    int64_t steps_, saved_step_ = -1;
    std::optional<Preview> preview_;
    std::function<void(const media::Image&)> show_;
    Clock::time_point saved_at_;
    double cost_ = 0;  // seconds that the work waited for saving
    bool broken_ = false;
    // Of a GPU a state is written while the next step is computed. Destroyed, and so waited for, before all else.
    struct Saving {
        int64_t step = 0;
        std::future<void> done;
    } saving_;
};

// Writes decode.json at the beginning, every few seconds and at the end.
class DecodeWatch {
  public:
    DecodeWatch(const std::filesystem::path& output, job::Job& job, int64_t frames, Asker asker);

    void decoded(int64_t frames);  // so many; throws Stopped
    void finished();               // the film has its name

  private:
    void save(int64_t frames);

    job::Job& job_;
    Asker asker_;
    Bookkeeping book_;
    job::Decoded record_;
    Clock::time_point saved_at_;
};

}  // namespace t3video::session
