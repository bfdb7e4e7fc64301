// Takes requests to their routes.
#include "apps/server/server.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "apps/server/access.h"
#include "apps/server/http/http.h"
#include "apps/server/http/ranges.h"
#include "apps/server/page/page.h"
#include "apps/server/site.h"
#include "core/error.h"
#include "core/printable.h"

namespace t3video::server {
namespace {

using Kind = serving::Refused::Kind;

// The film's id where the path is of that form: "" for a route without one.
std::optional<std::string> match(std::string_view pattern, std::string_view path) {
    constexpr std::string_view kId = "{id}";
    const size_t at = pattern.find(kId);
    if (at == std::string_view::npos) return pattern == path ? std::optional(std::string()) : std::nullopt;
    const std::string_view before = pattern.substr(0, at), after = pattern.substr(at + kId.size());
    if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after))
        return std::nullopt;
    const std::string_view id = path.substr(before.size(), path.size() - before.size() - after.size());
    const auto plain = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
    };
    if (id.size() > 64 || !std::ranges::all_of(id, plain)) return std::nullopt;
    return std::string(id);
}

HttpError error_of(const serving::Refused& refused) {
    const std::string message = refused.message().in(http_tongue());
    const Field* field = refused.message().field();
    const std::string param = field ? dialect_name(field->name) : std::string();
    switch (refused.kind()) {
        case Kind::unknown:
            return {404, "not_found", message, param};
        case Kind::wrong_state:
            return {409, "wrong_state", message, param};
        case Kind::cap_reached:
            return {429, "cap_reached", message, param, {{"Retry-After", "10"}}};
        case Kind::too_large:
            return {413, "body_too_large", message, param};
        case Kind::disk_full:
            return {507, "disk_full", message, param};
        case Kind::shutting_down:
            return {503, "shutting_down", message, param, {{"Retry-After", "10"}}};
    }
    return {500, "internal_error", message};
}

const PageFile* find_page_file(const Request& request) {
    if (request.method != "GET") return nullptr;
    const auto files = page_files();
    const auto found = std::ranges::find(files, request.path, &PageFile::path);
    return found == files.end() ? nullptr : &*found;
}

Answer page_answer(const Request& request, const PageFile& file) {
    Answer answer{.type = std::string(file.type),
                  .headers = {{"ETag", std::string(file.etag)},
                              {"Cache-Control", "no-cache"},
                              {"Content-Security-Policy", std::string(kPagePolicy)},
                              {"X-Frame-Options", "DENY"}}};
    const std::string* known = request.header("If-None-Match");
    if (known && lists_tag(*known, std::string(file.etag)))
        answer.status = 304;
    else
        answer.body = file.bytes;
    return answer;
}

void check_query(const Route& route, const Request& request) {
    std::set<std::string_view> seen;
    for (const auto& [name, value] : request.query) {
        const bool known =
            std::ranges::any_of(route.query, [&](const QueryField& field) { return field.name == name; });
        const std::string shown = printable(name.substr(0, 100));
        if (!known) throw HttpError{400, "unknown_field", "unknown field " + shown + " in the query", shown};
        if (!seen.insert(name).second) throw HttpError{400, "invalid_value", shown + ": given twice", shown};
    }
}

}  // namespace

class Server::Impl {
  public:
    Impl(serving::Service& service, ServerOptions options)
        : Impl(service, options, listen_at(options.host, options.port)) {}

    int port() const { return port_; }
    void close() { site_.closing = true; }

  private:
    Impl(serving::Service& service, ServerOptions& options, Listening listening)
        : port_(listening.port),
          access_(std::move(options.keys), std::move(options.origins), listening.loopback),
          hidden_(std::move(options.hidden)),
          site_{.service = service,
                .started = std::chrono::duration_cast<std::chrono::seconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count(),
                .keyed = access_.keyed(),
                .log = std::move(options.log)} {
        require_valid(listening.loopback || access_.keyed(), Field("host", options.host),
                      ": others than this machine can reach it, so a file of keys is needed: ", Field("keys"));
        http_ = std::make_unique<Http>(
            std::move(listening), options.limits, [](const Head& head) { return lasts(head); },
            [this](Request& request) { return answer(request); });
    }

    static bool lasts(const Head& head) try {
        const std::string path = parse_target(head.target).path;
        return std::ranges::any_of(routes(), [&](const Route& route) {
            return route.lasts && head.method == route.method && match(route.path, path);
        });
    } catch (const HttpError&) {
        return false;  // what is wrong is told in its turn
    }

    Answer answer(Request& request) {
        const auto begun = std::chrono::steady_clock::now();
        std::string_view name = "none";  // of no route
        Answer answer;
        try {
            answer = routed(request, name);
        } catch (const HttpError& error) {
            answer = failed(error);
        } catch (const serving::Refused& refused) {
            answer = failed(error_of(refused));
        } catch (const InvalidRequest& error) {
            const Field* field = error.message().field();
            answer = failed(
                {400, "invalid_value", error.message().in(http_tongue()), field ? dialect_name(field->name) : ""});
        } catch (const std::exception& error) {
            if (site_.log) site_.log(concat("A request to ", name, " failed: ", error.what()));
            answer = failed({500, "internal_error", "the server failed at this request; its log says why"});
        }
        answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
        answer.headers.emplace_back("Referrer-Policy", "no-referrer");
        for (auto& header : access_.sharing(request)) answer.headers.push_back(std::move(header));
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        site_.traffic.count(name, answer.status, took.count());
        return answer;
    }

    Answer failed(HttpError error) const {
        for (const std::string& path : hidden_) {
            for (size_t at = 0; !path.empty() && (at = error.message.find(path, at)) != std::string::npos;)
                error.message.replace(at, path.size(), "...");
        }
        error.message = printable(error.message);
        return error_answer(error);
    }

    Answer routed(Request& request, std::string_view& name) {
        access_.check_site(request);
        if (const PageFile* file = find_page_file(request)) {
            name = "page";
            return page_answer(request, *file);
        }
        std::string allowed;
        for (const Route& route : routes()) {
            const auto id = match(route.path, request.path);
            if (!id) continue;
            if (request.method == route.method) {
                name = route.name;
                request.id = *id;
                return at(route, request);
            }
            allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
        }
        if (allowed.empty()) throw HttpError{404, "not_found", "no such address"};
        if (allowed.find("GET") != std::string::npos) allowed += ", HEAD";
        allowed += ", OPTIONS";
        if (request.method == "OPTIONS") return {.status = 204, .headers = {{"Allow", allowed}}};
        HttpError error{405, "method_not_allowed", "the method " + request.method + " is none of this address"};
        error.headers = {{"Allow", allowed}};
        throw error;
    }

    Answer at(const Route& route, Request& request) {
        if (!route.open) access_.check_key(request);
        if (site_.closing && !route.open) {
            HttpError error{503, "shutting_down",
                            "the server shuts down; what it accepted goes on when it starts again"};
            error.headers = {{"Retry-After", "10"}};
            throw error;
        }
        check_query(route, request);
        return route.handle(site_, request);
    }

    const int port_;
    Access access_;
    const std::vector<std::string> hidden_;
    Site site_;
    std::unique_ptr<Http> http_;
};

Server::Server(serving::Service& service, ServerOptions options)
    : impl_(std::make_unique<Impl>(service, std::move(options))) {}
Server::~Server() = default;

int Server::port() const {
    return impl_->port();
}

void Server::close() {
    impl_->close();
}

}  // namespace t3video::server
