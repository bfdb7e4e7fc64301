// What the routes share, and the table of them that the router and the description of the API follow.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/server/dialect.h"
#include "apps/server/http/exchange.h"
#include "serving/service.h"

namespace t3video::server {

// Answers so far, by route and status.
class Traffic {
  public:
    void count(std::string_view route, int status, double seconds);
    // As Prometheus reads it.
    std::string text() const;

  private:
    mutable std::mutex mutex_;
    std::map<std::pair<std::string, int>, std::pair<int64_t, double>> answers_;  // their number and seconds
};

struct Site {
    serving::Service& service;
    int64_t started = 0;  // Unix seconds
    bool keyed = false;   // clients have keys, and each sees its own films only
    std::function<void(const std::string& line)> log = {};
    std::atomic<bool> closing = false;
    Traffic traffic = {};

    // The film that the request's path names, where it is this client's. Throws Refused.
    serving::FilmView film(const Request& request) const;
};

struct QueryField {
    const char *name, *help;
    ordered_json schema;
};

// What an answer holds: the name of a schema (openapi.cpp), or a type where that is no JSON.
struct Documented {
    int status;
    const char* what;
    const char *schema = nullptr, *type = nullptr;
};

struct Route {
    const char *method, *path;  // "/v1/videos/{id}"
    const char *name, *summary;
    Answer (*handle)(Site& site, Request& request);
    std::vector<QueryField> query;
    const char* body;                 // schema of its fields; null: none
    std::vector<Documented> answers;  // those that are no errors
    std::vector<int> errors;          // beside those that any route may have
    bool open = false;                // needs no key
    bool lasts = false;               // its answer may take its time
};
std::span<const Route> routes();

// The value of a query's field; null where it was not given.
const std::string* find_query(const Request& request, std::string_view name);

// Films.
Answer create_film(Site& site, Request& request);
Answer make_film_now(Site& site, Request& request);
Answer list_films(Site& site, Request& request);
Answer get_film(Site& site, Request& request);
Answer remove_film(Site& site, Request& request);
Answer remix_film(Site& site, Request& request);
Answer cancel_film(Site& site, Request& request);
Answer resume_film(Site& site, Request& request);
Answer decode_film(Site& site, Request& request);
Answer plan_film(Site& site, Request& request);
// Their files and news.
Answer film_content(Site& site, Request& request);
Answer film_preview(Site& site, Request& request);
Answer film_events(Site& site, Request& request);
// About the server.
Answer list_models(Site& site, Request& request);
Answer describe_api(Site& site, Request& request);
Answer tell_health(Site& site, Request& request);
Answer tell_metrics(Site& site, Request& request);

// A file or a part of it, or that it is as the client has it, by the request's headers.
Answer file_answer(const Request& request, const std::filesystem::path& path, const std::string& type,
                   const std::string& name);

}  // namespace t3video::server
