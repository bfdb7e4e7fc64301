// Readers on threads of their own.
#include "training/data/clip_queue.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "core/error.h"

namespace t3video::training {

// Frames outlive the queue in the caller's hands, and give their bytes back to this.
struct ClipQueue::State : std::enable_shared_from_this<State> {
    struct Job {
        ClipJob job;
        std::deque<std::variant<ClipWindow, LeftOut, Done>> events;
        std::exception_ptr failure;
    };

    explicit State(std::vector<ClipJob> all, const Options& given) : options(given) {
        for (const ClipJob& job : all) jobs.push_back({job, {}, {}});
    }

    std::shared_ptr<void> take(size_t job, int64_t bytes) {
        std::unique_lock lock(mutex);
        changed.wait(
            lock, [&] { return stop.stop_requested() || used + bytes <= options.budget || (waiting && job == head); });
        if (stop.stop_requested()) throw Stopped(Message("stopped while clips were read"));
        used += bytes;
        peak = std::max(peak, used);
        return {nullptr, [self = shared_from_this(), bytes](void*) {
                    const std::lock_guard guard(self->mutex);
                    self->used -= bytes;
                    self->changed.notify_all();
                }};
    }

    void put(size_t job, std::variant<ClipWindow, LeftOut, Done> event) {
        const std::lock_guard guard(mutex);
        jobs[job].events.push_back(std::move(event));
        if (job == head) waiting = false;
        changed.notify_all();
    }

    void read(size_t job) try {
        const ReadingRoom room{options.memory, [&](int64_t bytes) { return take(job, bytes); }, stop.get_token()};
        const ClipJob& one = jobs[job].job;
        auto reason = read_windows(*one.item, *one.rules, room, [&](ClipWindow clip) { put(job, std::move(clip)); });
        if (reason) put(job, std::move(*reason));
        put(job, Done());
    } catch (...) {
        const std::lock_guard guard(mutex);
        jobs[job].failure = std::current_exception();
        changed.notify_all();
    }

    void work() {
        while (true) {
            size_t job;
            {
                const std::lock_guard guard(mutex);
                if (claimed == jobs.size() || stop.stop_requested()) return;
                job = claimed++;
            }
            read(job);
        }
    }

    const Options options;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Job> jobs;
    size_t claimed = 0, head = 0;  // jobs that readers have begun, in their order; the one whose turn it is
    bool waiting = false;          // whether the caller waits for the head
    int64_t used = 0, peak = 0;
    std::stop_source stop;
    std::vector<std::thread> threads;
};

ClipQueue::ClipQueue(std::vector<ClipJob> jobs, const Options& options)
    : state_(std::make_shared<State>(std::move(jobs), options)) {
    const size_t readers = std::min(static_cast<size_t>(std::max(options.readers, 1)), state_->jobs.size());
    for (size_t i = 0; i < readers; ++i) state_->threads.emplace_back([state = state_.get()] { state->work(); });
}

ClipQueue::~ClipQueue() {
    {
        const std::lock_guard guard(state_->mutex);
        state_->stop.request_stop();
        state_->changed.notify_all();
    }
    for (std::thread& thread : state_->threads) thread.join();
    for (State::Job& job : state_->jobs) std::exchange(job.events, {});
}

std::optional<ClipQueue::Event> ClipQueue::next() {
    State& s = *state_;
    std::unique_lock lock(s.mutex);
    if (s.head == s.jobs.size()) return std::nullopt;
    State::Job& job = s.jobs[s.head];
    s.waiting = job.events.empty();
    s.changed.notify_all();
    s.changed.wait(lock, [&] { return !job.events.empty() || job.failure; });
    s.waiting = false;
    if (job.events.empty()) std::rethrow_exception(job.failure);
    Event event{s.head, std::move(job.events.front())};
    job.events.pop_front();
    if (std::holds_alternative<Done>(event.what)) ++s.head;
    return event;
}

int64_t ClipQueue::peak_bytes() const {
    const std::lock_guard guard(state_->mutex);
    return state_->peak;
}

}  // namespace t3video::training
