// The films that a server accepted, in the order in which they are made: an interface, so that several machines may
// share a queue one day. Every call that changes something returns once the change is committed to the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serving/refused.h"

namespace t3video::serving {

// Film fields by name (film/fields.h) and their values as people write them; a list's name stands several times. Files
// stand by the names that clients know: a model's, an upload's, a LoRA's with its weight.
using FieldValues = std::vector<std::pair<std::string, std::string>>;

enum class State { queued, running, completed, failed, cancelled };
std::string_view name_of(State state);
// For people: a film that runs is in progress.
inline std::string_view word_of(State state) {
    return state == State::running ? "in progress" : name_of(state);
}
inline bool is_over(State state) {
    return state != State::queued && state != State::running;
}

// What a film turned out to be once its defaults were filled in.
struct Resolved {
    int64_t width = 0, height = 0, frames = 0, steps = 0;
    double fps = 0;

    double seconds() const { return fps > 0 ? static_cast<double>(frames) / fps : 0; }
    friend bool operator==(const Resolved&, const Resolved&) = default;
};

struct Failure {
    std::string code, message;  // "cancelled", "out_of_memory", "crashed", "failed"; a line for people, without paths
};

// A film of the queue. Times are Unix seconds, 0 until known.
struct Entry {
    std::string id;         // "video_" and 32 hexadecimal digits
    int64_t number = 0;     // counts up in the order of acceptance
    std::string key;        // the access key's name; empty without keys
    int priority = 0;       // higher goes first
    std::string model;      // by its name
    FieldValues fields;     // with the seed as it fell
    std::string container;  // ".mp4"
    std::string origin;     // of a remix or another format: the film that it comes from
    Resolved film;
    State state = State::queued;
    Failure failure;  // of State::failed and State::cancelled
    int64_t created = 0, begun = 0, ended = 0, expires = 0;
    double estimate = 0;      // seconds that it takes, as planned
    int64_t bytes = 0;        // of its folder, once it is over
    int64_t not_before = 0;   // waits until then after its disk or device failed
    int64_t attempts = 0;     // times it began
    bool cancelling = false;  // a wish that a running film has not met yet

    // Films of the same kind follow one another, since what a device prepared for one serves the next.
    std::string kind() const;
};

struct Counts {
    int64_t queued = 0, running = 0, completed = 0, failed = 0, cancelled = 0;
    int64_t bytes = 0;  // of the folders of films that are over
};

// Films that are queued or run and go first, and the seconds that they take, as planned.
struct Ahead {
    int64_t films = 0;
    double seconds = 0;
};

struct ListQuery {
    std::string after;  // the id behind which the page begins; empty: at the beginning
    int64_t limit = 20;
    bool newest_first = true;
    std::optional<std::string> key;  // only this key's
};
struct Page {
    std::vector<Entry> entries;
    bool more = false;
};

// How many films may wait or run at most; 0: any number.
struct Caps {
    int64_t of_key = 0, of_all = 0;
};

class Queue {
  public:
    virtual ~Queue() = default;

    // Of `entry` everything but number, state and times is the caller's. Throws Refused at a cap, and for a full disk.
    virtual Entry add(Entry entry, const Caps& caps) = 0;

    // These do not wait for what changes the queue at the same time.
    virtual std::optional<Entry> find(const std::string& id) = 0;  // nothing for one that is being removed
    virtual Page list(const ListQuery& query) = 0;                 // throws Refused for an unknown `after`
    virtual Counts counts() = 0;
    virtual Ahead ahead_of(const Entry& entry) = 0;
    virtual std::vector<Ahead> ahead_of(std::span<const Entry> entries) = 0;

    // The next film that is due, now running and leased to `owner` for so long; nothing where none is. Of films of the
    // same priority those that began before go first, then those of the kind, then the oldest. A film whose lease has
    // run out is due again.
    virtual std::optional<Entry> lease(const std::string& owner, int64_t seconds, const std::string& kind) = 0;
    virtual void renew(const std::string& owner, int64_t seconds) = 0;  // all leases of the owner
    // Where no other server works on this queue: whatever ran when the last one ended is due again. A film at which a
    // server ended kMostEnds times in a row without a further step, `step_of` its id, may be why, and fails.
    static constexpr int64_t kMostEnds = 10;
    using StepOf = std::function<int64_t(const std::string& id)>;
    virtual void release_all(const StepOf& step_of, int64_t expires) = 0;

    // What a film turned out to be once its input was read.
    virtual void settle(const std::string& id, const Resolved& film) = 0;
    // A running film back into the queue, due at that time; one whose cancelling is wished for is cancelled.
    virtual void put_back(const std::string& id, int64_t not_before, int64_t expires) = 0;
    // A film is over: completed, or failed or cancelled with a reason. `expires` 0: never.
    virtual void finish(const std::string& id, State state, const Failure& failure, int64_t bytes, int64_t expires) = 0;

    // Cancels one that is queued, and notes the wish for one that runs. The entry then; nothing for an unknown id.
    virtual std::optional<Entry> cancel(const std::string& id, int64_t expires) = 0;
    // Puts one that failed or was cancelled back into the queue. Throws Refused at a cap and for another state.
    virtual Entry resume(const std::string& id, const Caps& caps) = 0;
    // Hides a film from find() and list(), and takes it out of the queue; it is forgotten by forget() once its files
    // are gone. False for an unknown id.
    virtual bool remove(const std::string& id) = 0;
    virtual void forget(const std::string& id) = 0;
    // Those that are hidden and do not run.
    virtual std::vector<std::string> removed() = 0;
    // Those that are over and whose time has come.
    virtual std::vector<std::string> expired(int64_t now) = 0;
    // Whether a film that is not forgotten has this value in one of its fields.
    virtual bool uses(const std::string& value) = 0;
};

}  // namespace t3video::serving
