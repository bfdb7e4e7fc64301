// Looks after a server's data folder while films are made: leases that go on, films that expire, uploads that nobody
// names, and how much is taken.
#pragma once

#include <atomic>
#include <string>

#include "serving/data_folder.h"
#include "serving/events.h"
#include "serving/queue.h"
#include "serving/uploads.h"
#include "serving/words.h"
#include "serving/workplace.h"

namespace t3video::serving {

class Keeper {
  public:
    struct Tools {
        const ServiceOptions& options;
        const DataFolder& folder;
        Queue& queue;
        Uploads& uploads;
        EventHub& hub;
        Workplace& place;
        const Words& words;
        std::string owner;  // of leases
    };
    explicit Keeper(Tools tools) : tools_(std::move(tools)) {}

    // Before anything works: what a killed run left of films that are no more.
    void tidy_up();
    // Until the place is closed.
    void run();

    const std::string& owner() const { return tools_.owner; }
    // Looks again how much is taken. Any thread, as the next one.
    void count();
    // Why nothing more should be written now; empty where there is room.
    std::string shortage() const { return tools_.folder.shortage(used_by_films_ + tools_.uploads.bytes()); }

  private:
    void look_after();
    void clear_removed();

    Tools tools_;
    std::atomic<int64_t> used_by_films_ = 0;  // bytes
};

}  // namespace t3video::serving
