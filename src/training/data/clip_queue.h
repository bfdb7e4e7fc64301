// Clips that are read side by side and come out in their order.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "training/data/clip_source.h"

namespace t3video::training {

struct ClipJob {
    const DataItem* item = nullptr;
    const ClipRules* rules = nullptr;
};

class ClipQueue {
  public:
    struct Options {
        int readers = 1;             // threads
        int64_t budget = 0;          // bytes of frames that are read and not yet given up, and of readers
        int64_t memory = kNoMemory;  // bytes that one reader may take
        static constexpr int64_t kNoMemory = std::numeric_limits<int64_t>::max();
    };

    // Begins to read. The items and rules must outlive it.
    ClipQueue(std::vector<ClipJob> jobs, const Options& options);
    // Ends reading, wherever it is.
    ~ClipQueue();
    ClipQueue(const ClipQueue&) = delete;
    ClipQueue& operator=(const ClipQueue&) = delete;

    struct Done {};  // nothing more of this job
    struct Event {
        size_t job = 0;
        std::variant<ClipWindow, LeftOut, Done> what;
    };
    // What comes next, in the order of the jobs: each gives windows or the reason why not, and then that it is done.
    // Nothing behind the last one. Throws what a reader threw.
    //
    // The job whose turn it is reads on whatever the budget says while the caller waits for it: the memory is at most
    // the budget and one clip, and no budget is too small.
    std::optional<Event> next();
    // The most that was taken so far.
    int64_t peak_bytes() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace t3video::training
