// A film while it is made, as its listeners and the log hear of it: how far it is, how long it still takes, and where
// its time went.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/clock.h"
#include "serving/events.h"
#include "session/observer.h"

namespace t3video::serving {

// Seconds of a film by what they were spent on.
struct Times {
    double waiting = 0;  // in the queue
    double opening = 0;  // until its model is open and its plan made
    double text = 0, encode = 0;
    double weights = 0;  // between stages, while networks are prepared
    double denoise = 0, decode = 0;
    double closing = 0;  // pictures and bookkeeping behind the last stage
};

class FilmTeller final : public session::Observer {
  public:
    using Tell = std::function<void(const Progress& progress)>;
    using Warn = std::function<void(const Message& line)>;
    using Settle = std::function<void(const Resolved& film)>;
    FilmTeller(Tell tell, Warn warn, Settle settle)
        : tell_(std::move(tell)), warn_(std::move(warn)), settle_(std::move(settle)) {}

    void begins(const session::Beginning& film) override;
    void stage(const std::string& name, int64_t total, const std::string& unit) override;
    void advanced(int64_t done) override;
    void stage_ended() override;
    void preview(const media::Image& picture) override;
    void warn(const Message& line) override { warn_(line); }

    // Up to now; what is behind the last stage counts as closing.
    Times times() const;

  private:
    double* time_of(const std::string& stage);
    void estimate();

    Tell tell_;
    Warn warn_;
    Settle settle_;
    std::vector<std::pair<std::string, double>> planned_;  // seconds of each stage
    double planned_all_ = 0, earlier_ = 0;                 // of all, and of steps that an earlier run had done
    Progress progress_;
    int64_t first_ = -1;  // units that an earlier run had done
    Clock::time_point since_ = Clock::now(), stage_since_ = since_;
    bool begun_ = false, in_stage_ = false;
    Times times_;
};

}  // namespace t3video::serving
