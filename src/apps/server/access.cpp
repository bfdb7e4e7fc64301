// Checks origins and keys.
#include "apps/server/access.h"

#include <algorithm>

namespace t3video::server {
namespace {

// "films.example.org:8000" of "https://films.example.org:8000".
std::string_view authority_of(std::string_view origin) {
    const size_t at = origin.find("://");
    return at == std::string_view::npos ? origin : origin.substr(at + 3);
}

// "localhost" of "localhost:8000", "::1" of "[::1]:8000".
std::string_view name_of(std::string_view authority) {
    if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
    return authority.substr(0, authority.find(':'));
}

bool is_this_machine(std::string_view name) {
    return equal_in_any_case(name, "localhost") || name.starts_with("127.") || name == "::1";
}

}  // namespace

Access::Access(Keys keys, std::vector<std::string> origins, bool local)
    : keys_(std::move(keys)), origins_(std::move(origins)), local_(local) {}

bool Access::is_shared_with(const std::string& origin) const {
    return std::ranges::any_of(origins_, [&](const std::string& one) { return equal_in_any_case(one, origin); });
}

void Access::check_site(const Request& request) const {
    const std::string* host = request.header("Host");
    const std::string_view authority = host ? *host : std::string_view();
    const HttpError foreign{403, "foreign_site",
                            "pages of other sites may not use this server unless it was started for them"};
    const auto is_known = [&](const std::string& origin) {
        return equal_in_any_case(name_of(authority_of(origin)), name_of(authority));
    };
    // Without keys a name of another site that leads here would open the server to that site's pages.
    if (local_ && !keyed() && host && !is_this_machine(name_of(authority)) && std::ranges::none_of(origins_, is_known))
        throw foreign;
    const std::string* origin = request.header("Origin");
    if (!origin || request.method == "GET" || request.method == "OPTIONS") return;
    if (!equal_in_any_case(authority_of(*origin), authority) && !is_shared_with(*origin)) throw foreign;
}

void Access::check_key(Request& request) {
    if (!keyed()) return;
    constexpr std::string_view kScheme = "bearer ";
    const std::string* given = request.header("Authorization");
    const bool bearer = given && equal_in_any_case(std::string_view(*given).substr(0, kScheme.size()), kScheme);
    const Key* key = keys_.find(bearer ? std::string_view(*given).substr(kScheme.size()) : std::string_view());
    if (!key) {
        HttpError error{401, "wrong_key", "expected the header Authorization: Bearer KEY with a key of this server"};
        error.headers = {{"WWW-Authenticate", "Bearer"}};
        throw error;
    }
    if (const int seconds = rates_.wait(key->name, key->requests); seconds > 0) {
        HttpError error{429, "too_many_requests", "this key has asked as often as it may; try again later"};
        error.headers = {{"Retry-After", std::to_string(seconds)}};
        throw error;
    }
    request.key = key->name;
    request.key_cap = key->films;
    request.key_priority = key->priority;
}

Pairs Access::sharing(const Request& request) const {
    const std::string* origin = request.header("Origin");
    if (origins_.empty()) return {};
    if (!origin || !is_shared_with(*origin)) return {{"Vary", "Origin"}};
    Pairs headers = {
        {"Access-Control-Allow-Origin", *origin},
        {"Vary", "Origin"},
        {"Access-Control-Expose-Headers", "Content-Range, ETag, Retry-After, X-Video-Id, openai-poll-after-ms"}};
    if (request.method == "OPTIONS") {
        headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, DELETE");
        headers.emplace_back("Access-Control-Allow-Headers",
                             "Authorization, Content-Type, If-None-Match, If-Range, Range");
        headers.emplace_back("Access-Control-Max-Age", "600");
    }
    return headers;
}

}  // namespace t3video::server
