// A retrofit from its data to its export: the loop over updates, and all that is looked at and kept on the way.
//
// A run is a function of its options, its data and its base: noise, noise levels, dropped captions and the order of
// clips follow from the seed and a count. A checkpoint therefore holds weights, moments, the running mean and how many
// updates were done, and a run that goes on from one takes the same steps, bit for bit.
#pragma once

#include <memory>

#include "session/session.h"
#include "training/run/exports.h"
#include "training/run/run_plan.h"

namespace t3video::training {

// How far a run is, after each update.
struct RunProgress {
    int64_t update = 0, updates = 0;  // done, of all
    double loss = 0;                  // mean over the update's clips, unweighted
    double norm = 0, rate = 0;
    bool skipped = false;
};

// The base does not listen.
class RunObserver : public session::Observer {
  public:
    virtual void planned(const RunOptions& /*options*/, const RunPlan& /*plan*/) {}
    // From here on there is something to keep; `done` updates were done before.
    virtual void starts(int64_t /*done*/, int64_t /*updates*/) {}
    virtual void updated(const RunProgress& /*progress*/) {}
    virtual void ends() {}
};

struct RunResult {
    RunOptions options;  // of the run
    std::filesystem::path report;
    Exported exported;
    int64_t width = 0, height = 0, frames = 0;  // of its largest clips
    int64_t updates = 0;
    double seconds = 0;
};

// Begins a run in options.output. Opens, checks and plans everything before the first step. Throws InvalidRequest for
// what the user can mend, Stopped once a checkpoint is written, WriteError for a full disk, with the last checkpoint
// whole.
RunResult begin_run(session::Session& session, const RunOptions& options, RunObserver& observer, std::stop_token stop);

// Opens, checks and plans a run as begin_run does, tells the observer of the plan, and leaves it at that.
void plan_only(session::Session& session, const RunOptions& options, RunObserver& observer);

// What of a run may be chosen anew when it goes on; the rest is its own.
struct ResumeChoices {
    std::optional<int64_t> updates;  // of the last stage
    std::optional<int64_t> keep, save_every;
};

// Goes on from the last checkpoint of a folder, or from the beginning where there is none yet. Throws as begin_run, and
// for a model or data that are no longer what they were.
RunResult resume_run(session::Session& session, const std::filesystem::path& folder, const ResumeChoices& choices,
                     RunObserver& observer, std::stop_token stop);

}  // namespace t3video::training
