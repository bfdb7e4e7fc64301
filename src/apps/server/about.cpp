// What a server tells of itself.
#include <fmt/format.h>

#include "apps/server/openapi.h"
#include "apps/server/site.h"
#include "apps/server/views.h"

namespace t3video::server {
namespace {

class Metrics {
  public:
    void head(std::string_view name, const char* type, const char* help) {
        text_ += fmt::format("# HELP t3video_{0} {1}\n# TYPE t3video_{0} {2}\n", name, help, type);
    }
    template <class T>
    void value(std::string_view name, const std::string& labels, T number) {
        text_ += fmt::format("t3video_{}{} {}\n", name, labels, number);
    }
    template <class T>
    void one(std::string_view name, const char* type, const char* help, T number) {
        head(name, type, help);
        value(name, "", number);
    }
    std::string text() const { return text_; }

  private:
    std::string text_;
};

}  // namespace

void Traffic::count(std::string_view route, int status, double seconds) {
    const std::lock_guard lock(mutex_);
    auto& [number, sum] = answers_[{std::string(route), status}];
    ++number;
    sum += seconds;
}

std::string Traffic::text() const {
    const std::lock_guard lock(mutex_);
    Metrics metrics;
    metrics.head("http_requests_total", "counter", "Requests that were answered");
    for (const auto& [key, value] : answers_)
        metrics.value("http_requests_total", fmt::format("{{route=\"{}\",code=\"{}\"}}", key.first, key.second),
                      value.first);
    metrics.head("http_handling_seconds_total", "counter", "Seconds until answers began");
    for (const auto& [key, value] : answers_)
        metrics.value("http_handling_seconds_total", fmt::format("{{route=\"{}\",code=\"{}\"}}", key.first, key.second),
                      value.second);
    return metrics.text();
}

Answer list_models(Site& site, Request&) {
    ordered_json data = ordered_json::array();
    for (const serving::ModelView& model : site.service.models()) data.push_back(model_of(model, site.started));
    return json_answer({{"object", "list"}, {"data", std::move(data)}});
}

Answer describe_api(Site& site, Request&) {
    return json_answer(openapi(site.keyed));
}

Answer tell_health(Site& site, Request&) {
    const serving::Health health = site.service.health();
    const bool ready = health.ready && !site.closing;
    const std::string status = site.closing ? "shutting down" : ready ? "ok" : "not ready";
    return json_answer(
        {{"status", status}, {"trouble", health.trouble.empty() ? ordered_json() : ordered_json(health.trouble)}},
        ready ? 200 : 503);
}

Answer tell_metrics(Site& site, Request& request) {
    const serving::Counters c = site.service.counters();
    Metrics m;
    m.head("films", "gauge", "Films by state");
    for (const auto& [state, number] : {std::pair("queued", c.now.queued),
                                        {"running", c.now.running},
                                        {"completed", c.now.completed},
                                        {"failed", c.now.failed},
                                        {"cancelled", c.now.cancelled}})
        m.value("films", fmt::format("{{state=\"{}\"}}", state), number);
    m.head("films_total", "counter", "What happened to films since the start");
    for (const auto& [event, number] : {std::pair("accepted", c.accepted),
                                        {"completed", c.completed},
                                        {"failed", c.failed},
                                        {"cancelled", c.cancelled},
                                        {"resumed", c.resumed},
                                        {"removed", c.removed},
                                        {"expired", c.expired}})
        m.value("films_total", fmt::format("{{event=\"{}\"}}", event), number);
    m.head("stage_seconds_total", "counter", "Seconds of completed films, by stage");
    for (const auto& [stage, seconds] : {std::pair("waiting", c.waiting),
                                         {"opening", c.opening},
                                         {"text", c.text},
                                         {"encode", c.encode},
                                         {"denoise", c.denoise},
                                         {"decode", c.decode}})
        m.value("stage_seconds_total", fmt::format("{{stage=\"{}\"}}", stage), seconds);
    m.one("disk_used_bytes", "gauge", "Bytes of the data folder", c.disk_used);
    m.one("disk_free_bytes", "gauge", "Bytes that are free on its disk", c.disk_free);
    m.one("uploads_bytes", "gauge", "Bytes of pictures and videos that were sent", c.uploads);
    m.one("http_connections", "gauge", "Connections that are open", request.connections);
    m.one("start_time_seconds", "gauge", "When the server started, in Unix seconds", site.started);
    return {.type = "text/plain; version=0.0.4; charset=utf-8",
            .body = m.text() + site.traffic.text(),
            .headers = {{"Cache-Control", "no-store"}}};
}

}  // namespace t3video::server
