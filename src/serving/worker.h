// A thread that makes the films of the queue on one device, one after the other.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "serving/catalogue.h"
#include "serving/data_folder.h"
#include "serving/film_teller.h"
#include "serving/planner.h"
#include "serving/words.h"
#include "serving/workplace.h"

namespace t3video::serving {

constexpr int64_t kLeaseSeconds = 60;

// What a worker works with; all of it outlives the worker.
struct WorkerTools {
    const ServiceOptions& options;
    const DataFolder& folder;
    const Catalogue& catalogue;
    const Words& words;
    Queue& queue;
    EventHub& hub;
    Planner& planner;
    Workplace& place;
    std::string owner;                      // of leases
    std::function<std::string()> shortage;  // of the disk; empty: there is room
};

// When a film that ends now expires; 0: never.
int64_t expiry(const ServiceOptions& options);

class Worker {
  public:
    // `number`: of the device. The session is of that device, or null where it is still to be made.
    Worker(WorkerTools tools, size_t number, std::unique_ptr<session::Session> session)
        : tools_(std::move(tools)), number_(number), session_(std::move(session)) {}

    // Until the place is closed.
    void run();

  private:
    bool has_session();
    bool has_room();
    bool tells_rates();
    std::optional<Entry> next();
    void make(const Entry& entry);
    // What became of a film that was tried.
    struct Outcome {
        State state = State::queued;  // queued: it waits, for `why`
        Failure failure;
        std::string why;
        bool broken = false;  // the session, which is made again
    };
    Outcome attempt(const Entry& entry, FilmTeller& teller, const std::stop_token& stop);
    Outcome failed(const Entry& entry, const Message& message);
    void settle(const Entry& entry, Outcome outcome, const Times& times);
    void clear_away(const std::string& id);
    // Tries again while the disk takes nothing. False where the place was closed meanwhile.
    bool keep_trying(const std::function<void()>& change);
    void wait_for(const std::string& whom, const std::string& why);
    void log(const std::string& line) const;

    WorkerTools tools_;
    size_t number_;
    std::unique_ptr<session::Session> session_;
    bool rates_told_ = false;
    std::string kind_;            // of the last film
    int64_t in_a_row_ = 0;        // films of that kind
    std::set<std::string> lost_;  // films at which the device was lost
};

}  // namespace t3video::serving
