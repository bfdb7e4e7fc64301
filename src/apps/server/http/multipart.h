// Forms with files (multipart/form-data, RFC 7578), read as they arrive: no file is ever in memory as a whole.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace t3video::server {

struct Part {
    std::string name;
    bool is_file = false;  // has a file name, which nobody needs
};

class Multipart {
  public:
    struct Taker {
        std::function<void(const Part&)> begin;
        std::function<void(std::string_view)> bytes;
        std::function<void()> end;
    };

    // By the header Content-Type. Throws HttpError (400) for one without a boundary.
    Multipart(const std::string& content_type, Taker taker);

    // Both throw HttpError (400) for what is malformed.
    void feed(std::string_view bytes);
    void finish() const;  // the last part must have ended

  private:
    enum class State { preamble, delimiter, head, body, epilogue };

    bool advance();  // by what is there; false where more is needed

    std::string delimiter_, rest_;
    Taker taker_;
    State state_ = State::preamble;
    int parts_ = 0;
};

}  // namespace t3video::server
