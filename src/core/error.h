// The two kinds of failure and the check that raises them.
#pragma once

#include <source_location>
#include <sstream>
#include <stdexcept>
#include <string>

namespace t3video {

// Something went wrong on our side, or in the machine: the program exits with 1.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// The user asked for something that cannot be done; the message says what would be right. The program exits with 2.
class InvalidRequest : public Error {
  public:
    using Error::Error;
};

// The system gave no more memory.
class OutOfMemory : public Error {
  public:
    using Error::Error;
};

template <class... Parts>
std::string concat(const Parts&... parts) {
    std::ostringstream out;
    (out << ... << parts);
    return out.str();
}

// A condition that remembers where it was written, so that a variadic check can still name the caller's line.
struct Condition {
    Condition(bool condition, std::source_location location = std::source_location::current())
        : holds(condition), where(location) {}
    bool holds;
    std::source_location where;
};

// Throws Error with the concatenated parts and the caller's line unless the condition holds.
template <class... Parts>
void require(Condition condition, const Parts&... parts) {
    if (!condition.holds) {
        throw Error(concat(parts..., " [", condition.where.file_name(), ":", condition.where.line(), "]"));
    }
}

// Throws InvalidRequest: for what a user can put right, so without a source line.
template <class... Parts>
void require_valid(bool condition, const Parts&... parts) {
    if (!condition) throw InvalidRequest(concat(parts...));
}

}  // namespace t3video
