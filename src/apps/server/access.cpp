// Checks origins and keys.
#include "apps/server/access.h"

#include <arpa/inet.h>

#include <algorithm>

#include "core/error.h"

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

// An address of the loopback network, not a name that looks like one: "127.example.org" may lead anywhere.
bool is_this_machine(const std::string& name) {
    in_addr four{};
    if (inet_pton(AF_INET, name.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    in6_addr six{};
    if (inet_pton(AF_INET6, name.c_str(), &six) == 1)
        return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
    return equal_in_any_case(name, "localhost");
}

// "https://films.example.org", as browsers say it.
std::string site_of(const std::string& given) {
    std::string site = given;
    if (site.ends_with('/')) site.pop_back();
    const std::string_view name = authority_of(site);
    const bool whole = (site.starts_with("http://") || site.starts_with("https://")) && !name.empty() &&
                       name.find_first_of("/?#@ ") == std::string_view::npos;
    require_valid(whole, Field("origin", given), ": expected a site such as https://films.example.org");
    return site;
}

// Names of headers and nothing else, so that they can be said back.
bool are_names(std::string_view list) {
    return std::ranges::all_of(list, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == ',' || c == ' ';
    });
}

}  // namespace

Access::Access(Keys keys, std::vector<std::string> origins, bool local)
    : keys_(std::move(keys)), origins_(std::move(origins)), local_(local) {
    for (std::string& origin : origins_) origin = site_of(origin);
}

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
    if (local_ && !keyed() && host && !is_this_machine(std::string(name_of(authority))) &&
        std::ranges::none_of(origins_, is_known))
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
    const Key* key = bearer ? keys_.find(std::string_view(*given).substr(kScheme.size())) : nullptr;
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
        const std::string* asked = request.header("Access-Control-Request-Headers");
        headers.emplace_back(
            "Access-Control-Allow-Headers",
            asked && are_names(*asked) ? *asked : "Authorization, Content-Type, If-None-Match, If-Range, Range");
        headers.emplace_back("Access-Control-Max-Age", "600");
    }
    return headers;
}

}  // namespace t3video::server
