// Puts the description together.
#include "apps/server/openapi.h"

#include <algorithm>

#include "apps/server/schemas.h"
#include "apps/server/site.h"
#include "core/error.h"

namespace t3video::server {
namespace {

// Errors that any route may have, those that need keys, and those of routes with bodies.
constexpr int kAlways[] = {400, 403, 408, 414, 431, 500, 503}, kKeyed[] = {401, 429}, kWithBody[] = {408, 411, 417};

const char* about(int status) {
    switch (status) {
        case 400:
            return "A wrong field: error.param names it";
        case 401:
            return "No key, or a wrong one";
        case 403:
            return "Not for pages of other sites";
        case 404:
            return "No such film, upload or model";
        case 405:
            return "Another method";
        case 408:
            return "The request did not arrive in time";
        case 409:
            return "Not in this state of the film";
        case 411:
            return "Neither a length nor a body in pieces";
        case 413:
            return "The body is too large";
        case 414:
            return "The target is too long";
        case 415:
            return "Another kind of body";
        case 416:
            return "Nothing of the file is in the range";
        case 417:
            return "Another expectation";
        case 429:
            return "A cap is reached: Retry-After says when to try again";
        case 431:
            return "The headers are too large";
        case 500:
            return "The server failed";
        case 503:
            return "The server shuts down, or is busy";
        case 507:
            return "The disk's bound is reached";
        default:
            return "An error";
    }
}

ordered_json reference(const std::string& schema) {
    return {{"$ref", "#/components/schemas/" + schema}};
}

ordered_json content(const char* type, ordered_json schema) {
    return {{type, {{"schema", std::move(schema)}}}};
}

ordered_json error_answer_of(int status) {
    ordered_json answer = {{"description", about(status)},
                           {"content", content("application/json", reference("Error"))}};
    if (status == 429 || status == 503)
        answer["headers"]["Retry-After"] = {{"description", "Seconds"}, {"schema", {{"type", "string"}}}};
    return answer;
}

bool is_of_a_film(const Route& route) {
    return std::string_view(route.path).find("{id}") != std::string_view::npos;
}

// What can be asked about a film that an answer names.
ordered_json links_of_film() {
    ordered_json links = ordered_json::object();
    for (const Route& route : routes()) {
        if (!is_of_a_film(route)) continue;
        links[route.name] = {{"operationId", route.name}, {"parameters", {{"id", "$response.body#/id"}}}};
    }
    return links;
}

ordered_json answer_of(const Documented& documented) {
    ordered_json answer = {{"description", documented.what}};
    if (documented.schema) answer["content"] = content("application/json", reference(documented.schema));
    if (documented.type) answer["content"] = content(documented.type, {{"type", "string"}, {"format", "binary"}});
    if (documented.status == 202) answer["links"] = links_of_film();
    return answer;
}

ordered_json body_of(const std::string& schema) {
    const bool optional = schema == "Nothing";
    ordered_json body = {{"required", !optional}, {"content", content("application/json", reference(schema))}};
    if (schema == "FilmRequest" || schema == "PlanRequest")
        body["content"]["multipart/form-data"]["schema"] = reference(schema + "Form");
    return body;
}

ordered_json operation_of(const Route& route, bool keyed) {
    ordered_json operation = {{"operationId", route.name}, {"summary", route.summary}};
    ordered_json parameters = ordered_json::array();
    if (is_of_a_film(route))
        parameters.push_back({{"name", "id"},
                              {"in", "path"},
                              {"required", true},
                              {"description", "The film's"},
                              {"schema", {{"type", "string"}, {"pattern", "^[A-Za-z0-9_-]{1,64}$"}}}});
    for (const QueryField& field : route.query)
        parameters.push_back(
            {{"name", field.name}, {"in", "query"}, {"description", field.help}, {"schema", field.schema}});
    if (!parameters.empty()) operation["parameters"] = std::move(parameters);
    if (route.body) operation["requestBody"] = body_of(route.body);
    std::vector<int> errors(std::begin(kAlways), std::end(kAlways));
    if (keyed && !route.open) errors.insert(errors.end(), std::begin(kKeyed), std::end(kKeyed));
    if (route.body) errors.insert(errors.end(), std::begin(kWithBody), std::end(kWithBody));
    if (route.body) errors.push_back(429);  // the queue's cap
    errors.insert(errors.end(), route.errors.begin(), route.errors.end());
    std::ranges::sort(errors);
    ordered_json answers = ordered_json::object();
    for (const Documented& documented : route.answers)
        answers[std::to_string(documented.status)] = answer_of(documented);
    for (const int status : errors) {
        const std::string code = std::to_string(status);
        if (!answers.contains(code)) answers[code] = error_answer_of(status);
    }
    operation["responses"] = std::move(answers);
    if (keyed && !route.open) operation["security"] = ordered_json::array({{{"key", ordered_json::array()}}});
    return operation;
}

}  // namespace

ordered_json openapi(bool keyed) {
    ordered_json paths = ordered_json::object();
    for (const Route& route : routes()) paths[route.path][lower_case(route.method)] = operation_of(route, keyed);
    ordered_json description = {
        {"openapi", "3.1.0"},
        {"info",
         {{"title", "t3video"},
          {"version", "1"},
          {"description",
           "Films from text, pictures and videos. The names are those of the videos API that hosted services speak."}}},
        {"paths", std::move(paths)},
        {"components", {{"schemas", schemas()}}}};
    if (keyed) description["components"]["securitySchemes"]["key"] = {{"type", "http"}, {"scheme", "bearer"}};
    return description;
}

}  // namespace t3video::server
