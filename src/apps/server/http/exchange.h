// A request as routes see it, and the answer they give: no socket, no library.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/server/http/descriptor.h"

namespace t3video::server {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// The value of the first header of that name, in whatever case; null where there is none.
const std::string* find_header(const Pairs& headers, std::string_view name);
bool equal_in_any_case(std::string_view a, std::string_view b);
std::string lower_case(std::string_view text);

// An answer in place of what was asked for: {"error": {"code", "message", "param"}}.
struct HttpError {
    int status = 400;
    std::string code, message;
    std::string param = {};  // the field that is wrong; empty: null
    Pairs headers = {};
};

// What follows a request's head. Read once, from front to back.
class Body {
  public:
    virtual ~Body() = default;
    // Hands all of it to `take`, piece by piece. Throws HttpError for more than `most` bytes (413), for one that comes
    // too slowly (408) and for one that ends early (400).
    virtual void receive(int64_t most, const std::function<void(std::string_view)>& take) = 0;
};

struct Request {
    std::string method;  // "GET", also for HEAD
    std::string path;    // decoded
    Pairs query, headers;
    Body* body = nullptr;
    bool head_only = false;           // what the answer's body would be is not sent
    std::function<bool()> connected;  // whether somebody still waits for the answer
    size_t connections = 0;           // that the server has

    // Filled in on the way.
    std::string id;       // of the film, from the path
    std::string key;      // name of the access key; empty without keys
    int64_t key_cap = 0;  // films that it may have waiting or running; 0: any number
    int key_priority = 0;

    const std::string* header(std::string_view name) const { return find_header(headers, name); }
};

// Takes pieces of an answer that has no end yet; false once nobody reads.
using Sink = std::function<bool(std::string_view)>;

struct Answer {
    // Part of an open file, read as it is sent.
    struct File {
        std::shared_ptr<const FileDescriptor> file;
        int64_t first = 0, count = 0;
    };

    int status = 200;
    std::string type, body;  // "application/json"
    Pairs headers = {};
    std::optional<File> file = {};                 // instead of the body
    std::function<bool(const Sink&)> stream = {};  // instead of the body: called again until it gives false
};

Answer error_answer(const HttpError& error);

}  // namespace t3video::server
