// What is due every few seconds.
#include "serving/keeper.h"

#include "core/clock.h"
#include "core/error.h"
#include "serving/sqlite_queue.h"
#include "serving/worker.h"

namespace t3video::serving {

void Keeper::tidy_up() {
    clear_removed();
    // Latents that were shared for a film which was not accepted then. A folder with a film stays, whosever it is.
    for (const std::string& id : tools_.folder.film_ids()) {
        if (tools_.folder.holds_only_job(id) && !tools_.queue.find(id)) tools_.folder.remove_film(id);
    }
    count();
}

void Keeper::count() {
    used_by_films_ = tools_.queue.counts().bytes;
}

// Films are forgotten once their files are gone.
void Keeper::clear_removed() {
    for (const std::string& id : tools_.queue.removed()) {
        tools_.folder.remove_film(id);
        tools_.queue.forget(id);
    }
}

void Keeper::look_after() {
    for (const std::string& id : tools_.queue.expired(unix_time())) {
        if (tools_.queue.remove(id)) tools_.place.count([](Counters& c) { ++c.expired; });
    }
    clear_removed();
    count();
}

void Keeper::run() {
    constexpr double kEvery = 2, kRenewal = kLeaseSeconds / 4.0, kSweep = 600;  // seconds
    auto renewed = Clock::now(), swept = renewed;
    std::string said;
    while (!tools_.place.closed()) {
        try {
            look_after();
            if (seconds_since(renewed) > kRenewal) {
                tools_.queue.renew(tools_.owner, kLeaseSeconds);
                renewed = Clock::now();
            }
            if (seconds_since(swept) > kSweep) {
                tools_.uploads.sweep([this](const std::string& id) { return tools_.queue.uses(id); });
                swept = Clock::now();
            }
            said.clear();
        } catch (const Error& error) {
            const std::string line = tools_.words.line(error.message());
            if (tools_.options.log && line != said) tools_.options.log(concat("data folder: ", line));
            said = line;
        }
        tools_.place.pause(kEvery);
    }
}

}  // namespace t3video::serving
