// The kinds of failure and the checks that raise them.
#pragma once

#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>

#include "core/message.h"

namespace t3video {

// Something went wrong on our side, or in the machine: the program exits with 1.
class Error : public std::runtime_error {
  public:
    explicit Error(const Message& message)
        : std::runtime_error(message.plain()), message_(std::make_shared<const Message>(message)) {}
    explicit Error(const std::string& text) : Error(Message(text)) {}

    // As a front door says it; what() says it plainly.
    const Message& message() const { return *message_; }

  private:
    std::shared_ptr<const Message> message_;
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

// Work that was ended on its caller's wish; the message says how far it came and how to go on. No failure.
class Stopped : public std::runtime_error {
  public:
    explicit Stopped(const Message& message)
        : std::runtime_error(message.plain()), message_(std::make_shared<const Message>(message)) {}

    const Message& message() const { return *message_; }

  private:
    std::shared_ptr<const Message> message_;
};

// A condition that remembers where it was written, so that a variadic check can still name the caller's line.
struct Condition {
    Condition(bool condition, std::source_location location = std::source_location::current())
        : holds(condition), where(location) {}
    bool holds;
    std::source_location where;
};

// Throws Error with the parts and the caller's line unless the condition holds.
template <class... Parts>
void require(Condition condition, const Parts&... parts) {
    if (!condition.holds)
        throw Error(Message(parts..., " [", condition.where.file_name(), ":", condition.where.line(), "]"));
}

// Throws InvalidRequest: for what a user can put right, so without a source line.
template <class... Parts>
void require_valid(bool condition, const Parts&... parts) {
    if (!condition) throw InvalidRequest(Message(parts...));
}

}  // namespace t3video
