// What is told of films while they wait and are made, to any number of listeners on other threads. A listener that is
// slow misses steps in between, never the latest one, so that nothing piles up for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serving/queue.h"

namespace t3video::serving {

// How far a film is.
struct Progress {
    std::string stage, unit;    // "denoise", "steps"; empty before the first stage
    int64_t done = 0, of = 0;   // units of the stage
    double share = 0;           // of the whole film's time, 0 to 1
    std::optional<double> eta;  // seconds until it is there, once that is known
    int64_t preview = 0;        // how many preview pictures there were so far
    std::string waiting;        // why a queued film does not begin, for people; empty: it waits for its turn
};

struct Event {
    enum class Kind { waiting, stage, step, preview, done, error };
    Kind kind = Kind::waiting;
    Progress progress;
    Failure failure;  // of Kind::error

    std::string_view name() const;  // "waiting", "stage", "step", "preview", "done", "error"
    bool is_last() const { return kind == Kind::done || kind == Kind::error; }
};

// A film as its listeners see it.
class Channel;

// One listener of one film. One thread at a time.
class Subscription {
  public:
    explicit Subscription(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}

    // What is new since the last call, in its order; the first call tells how far the film is. Waits for news so long
    // at most, and gives nothing where there is none. After the last event there is no other.
    std::vector<Event> next(std::chrono::milliseconds patience);
    // Whether the last event was given, or the server shuts down.
    bool over() const { return over_; }

  private:
    std::shared_ptr<Channel> channel_;
    int64_t seen_ = -1;
    Progress last_;
    bool over_ = false;
};

class EventHub {
  public:
    // The film as it is now, where the hub knows nothing newer.
    std::unique_ptr<Subscription> subscribe(const Entry& entry);
    void tell(const std::string& id, const Progress& progress);
    // Why films that are queued do not begin; empty: they wait for their turns.
    void tell_waiting(const std::string& why);
    // The film is over; its listeners hear so, and the hub forgets it.
    void end(const std::string& id, State state, const Failure& failure);
    // Of a film that waits or is made; nothing where nobody told yet.
    std::optional<Progress> progress(const std::string& id) const;
    // Ends all listening: the server shuts down.
    void close();

  private:
    std::shared_ptr<Channel> find(const std::string& id) const;
    std::shared_ptr<Channel> find_or_make(const std::string& id);

    mutable std::mutex mutex_;
    bool closed_ = false;
    std::map<std::string, std::shared_ptr<Channel>> channels_;  // of films that wait for listeners, or are made
};

}  // namespace t3video::serving
