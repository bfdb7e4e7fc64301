// Time and memory of films before they are accepted, beside the workers, who have no time for that.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/bounded_cache.h"
#include "serving/catalogue.h"
#include "serving/service.h"

namespace t3video::serving {

// Any thread.
class Planner {
  public:
    // For films that are made on this machine; `host_memory`: bytes that reading an input may take.
    Planner(const Catalogue& catalogue, plan::Machine machine, int64_t host_memory);

    // Throws InvalidRequest for a film that cannot be, whatever the memory; one that does not fit has a refusal.
    // Without rates, seconds are 0.
    PlanView plan(const AskedFilm& film, const std::filesystem::path& films);
    // Once they are known; until then plan() does not wait for them.
    void set_rates(const plan::Rates& rates);
    void wait_for_rates(std::stop_token stop);  // some seconds at most
    // Throws InvalidRequest for a model that cannot be opened.
    std::vector<ModelView> models();

  private:
    struct Counted {
        PlanView view;
        plan::Plan plan;
    };
    Counted count(const AskedFilm& film);

    const Catalogue& catalogue_;
    const plan::Machine machine_;
    const int64_t host_memory_;
    std::mutex mutex_;
    std::condition_variable_any news_;
    std::optional<plan::Rates> rates_;
    session::Session session_{Context(1)};  // for its open models
    BoundedCache<std::string, Counted, 256> counted_;
};

}  // namespace t3video::serving
