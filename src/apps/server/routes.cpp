// The table of routes.
#include <algorithm>

#include "apps/server/site.h"
#include "core/error.h"

namespace t3video::server {
namespace {

const char* const kVideo = "Video";

QueryField order_field() {
    return {"order",
            "Newest first (desc) or last (asc)",
            {{"type", "string"}, {"enum", {"asc", "desc"}}, {"default", "desc"}}};
}
QueryField limit_field() {
    return {"limit", "Films of a page", {{"type", "integer"}, {"minimum", 1}, {"maximum", 100}, {"default", 20}}};
}
QueryField after_field() {
    return {"after",
            "Id of the film behind which the page begins",
            {{"type", "string"}, {"pattern", "^[A-Za-z0-9_-]{0,64}$"}}};
}
QueryField variant_field() {
    return {"variant",
            "The film, a picture of it, or a sheet of its frames",
            {{"type", "string"}, {"enum", {"video", "thumbnail", "spritesheet"}}, {"default", "video"}}};
}
QueryField version_field() {
    return {"of",
            "Any number: makes another address of it when the picture is another",
            {{"type", "string"}, {"pattern", "^[0-9]{1,18}$"}}};
}

// clang-format off
const std::vector<Route>& table() {
    static const std::vector<Documented> film_file = {
        {200, "The whole file", nullptr, "*/*"}, {206, "A part of it", nullptr, "*/*"}, {304, "The file is as the client has it"}};
    static const std::vector<Route> all = {
        {"POST", "/v1/videos", "createVideo", "Put a film into the queue", create_film, {}, "FilmRequest",
         {{202, "Accepted", kVideo}}, {404, 413, 415, 507}},
        {"POST", "/v1/videos/sync", "createVideoSync", "Make a film and wait for it", make_film_now, {}, "FilmRequest",
         {{200, "The film", nullptr, "*/*"}}, {404, 409, 413, 415, 507}, false, true},
        {"GET", "/v1/videos", "listVideos", "Films, page by page", list_films, {after_field(), limit_field(), order_field()}, nullptr,
         {{200, "A page", "VideoList"}}, {404}},
        {"GET", "/v1/videos/{id}", "getVideo", "A film, and how far it is", get_film, {}, nullptr, {{200, "The film", kVideo}}, {404}},
        {"DELETE", "/v1/videos/{id}", "deleteVideo", "Remove a film; one that is being made is cancelled first", remove_film, {}, nullptr,
         {{200, "Removed", "DeletedVideo"}}, {404}},
        {"GET", "/v1/videos/{id}/content", "getVideoContent", "A film's file, picture or contact sheet", film_content, {variant_field()}, nullptr,
         film_file, {404, 409, 416}, false, true},
        {"GET", "/v1/videos/{id}/preview", "getVideoPreview", "A small picture of a film that is being made", film_preview, {version_field()}, nullptr,
         film_file, {404, 409, 416}},
        {"GET", "/v1/videos/{id}/events", "getVideoEvents", "How a film goes on, as server-sent events: waiting, stage, step, preview, done, error",
         film_events, {}, nullptr, {{200, "Events", nullptr, "text/event-stream"}}, {404}, false, true},
        {"POST", "/v1/videos/{id}/remix", "remixVideo", "The same film with another prompt, or other fields", remix_film, {}, "FilmRequest",
         {{202, "Accepted", kVideo}}, {404, 409, 413, 415, 507}},
        {"POST", "/v1/videos/{id}/cancel", "cancelVideo", "Stop a film; what was done stays, and it can be resumed", cancel_film, {}, "Nothing",
         {{200, "Cancelled", kVideo}, {202, "It stops at its next safe point", kVideo}}, {404, 409, 413}},
        {"POST", "/v1/videos/{id}/resume", "resumeVideo", "Go on with a film that was cancelled or failed", resume_film, {}, "Nothing",
         {{202, "Accepted", kVideo}}, {404, 409, 413, 507}},
        {"POST", "/v1/videos/{id}/decode", "decodeVideo", "The same film as a file of another format", decode_film, {}, "FormatRequest",
         {{202, "Accepted", kVideo}}, {404, 409, 413, 415, 507}},
        {"POST", "/v1/plan", "planVideo", "Time and memory of a film, before it is asked for", plan_film, {}, "PlanRequest",
         {{200, "The plan", "Plan"}}, {404, 413, 415, 507}},
        {"GET", "/v1/models", "listModels", "Models that films are made with", list_models, {}, nullptr, {{200, "The models", "ModelList"}}, {}},
        {"GET", "/healthz", "getHealth", "Whether films can be made", tell_health, {}, nullptr,
         {{200, "Ready", "Health"}, {503, "Not ready", "Health"}}, {}, true},
        {"GET", "/metrics", "getMetrics", "Numbers for Prometheus", tell_metrics, {}, nullptr, {{200, "The numbers", nullptr, "text/plain"}}, {}},
        {"GET", "/openapi.json", "getDescription", "This description", describe_api, {}, nullptr, {{200, "The description", "Any"}}, {}, true},
    };
    return all;
}
// clang-format on

}  // namespace

std::span<const Route> routes() {
    return table();
}

const std::string* find_query(const Request& request, std::string_view name) {
    const auto found = std::ranges::find(request.query, name, [](const auto& field) { return field.first; });
    return found == request.query.end() ? nullptr : &found->second;
}

serving::FilmView Site::film(const Request& request) const {
    serving::FilmView film = service.get(request.id);
    if (keyed && film.entry.key != request.key)
        throw serving::Refused(serving::Refused::Kind::unknown, Message("no film of that id"));
    return film;
}

}  // namespace t3video::server
