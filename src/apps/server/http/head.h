// The head of a request (RFC 9112), read whole before anything else looks at it: within limits, and refused where two
// readers could understand it differently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "apps/server/http/exchange.h"

namespace t3video::server {

constexpr size_t kLargestHead = size_t{16} << 10, kLongestTarget = size_t{4} << 10, kMostHeaders = 100;

struct Head {
    std::string method, target;
    Pairs headers;
    std::optional<int64_t> length;  // of the body, where it says so
    bool chunked = false;           // a body of pieces, whose length nobody knows
    bool old = false;               // HTTP/1.0, which knows no answers in pieces: the connection ends behind one
    bool keep_alive = true;         // another request may follow
    bool expects_continue = false;  // the body comes once it is asked for
    size_t bytes = 0;               // of the head, with the empty line at its end

    bool has_body() const { return chunked || length.value_or(0) > 0; }
};

// The head at the front of `text`; nothing while it is not whole. Throws HttpError: 400 for what is malformed, 414 and
// 431 beyond the limits, 417, 501 and 505 for what is not spoken here.
std::optional<Head> parse_head(std::string_view text);

struct Target {
    std::string path;  // decoded
    Pairs query;       // decoded, in its order
};

// Throws HttpError (400) for broken escapes, and for a query that is no text in UTF-8.
Target parse_target(std::string_view target);

// A header's value and what follows it behind semicolons: `form-data; name="a"`. Names in lower case.
struct Parameters {
    std::string value;
    Pairs all;

    const std::string* find(std::string_view name) const;
};
Parameters parse_parameters(std::string_view text);

}  // namespace t3video::server
