// Headers by name, and errors as clients read them.
#include "apps/server/http/exchange.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace t3video::server {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool equal_in_any_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string lower_case(std::string_view text) {
    std::string all(text);
    std::ranges::transform(all, all.begin(), lower);
    return all;
}

const std::string* find_header(const Pairs& headers, std::string_view name) {
    const auto found = std::ranges::find_if(headers, [&](const auto& h) { return equal_in_any_case(h.first, name); });
    return found == headers.end() ? nullptr : &found->second;
}

Answer error_answer(const HttpError& error) {
    const nlohmann::ordered_json body = {
        {"error",
         {{"code", error.code},
          {"message", error.message},
          {"param", error.param.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(error.param)}}}};
    return {.status = error.status,
            .type = "application/json",
            .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
            .headers = error.headers};
}

}  // namespace t3video::server
