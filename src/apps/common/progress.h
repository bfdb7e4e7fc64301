// How far a long job is: one line that redraws itself on a terminal, a plain line now and then in a log.
#pragma once

#include <cstdint>
#include <string>

#include "core/clock.h"

namespace t3video::apps {

class Progress {
  public:
    // `redraw`: rewrite one line with carriage returns (a terminal); otherwise whole lines, at most one in five
    // seconds.
    explicit Progress(bool redraw, bool quiet = false) : redraw_(redraw), quiet_(quiet) {}
    // For standard error: redraws when it is a terminal.
    static Progress for_stderr(bool quiet = false);

    // `done`: units that were done before, which say nothing about the time that others take.
    void begin(std::string stage, int64_t total, std::string unit, int64_t done = 0);
    // Done so far, of `total`; `remark` follows the figures.
    void advance(int64_t done, std::string remark = {});
    // Makes room for a line of the log: what is being redrawn goes, and comes back with the next advance().
    void give_way();
    // Ends the stage and prints how long it took. Called by the next begin() too.
    void end();
    double stage_seconds() const;

  private:
    void print(bool final_line);

    bool redraw_, quiet_;
    bool active_ = false;
    std::string stage_, unit_, remark_;
    int64_t total_ = 0, before_ = 0, done_ = 0;
    Clock::time_point started_{}, printed_{};
};

// "4 s", "3 min 20 s", "2 h 05 min"
std::string format_duration(double seconds);

}  // namespace t3video::apps
