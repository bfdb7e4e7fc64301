// What an error or a note tells people: words, in which fields of a request and things that can be done about a job
// stand apart, so that each front door (a command line, a server) says them in its own tongue.
#pragma once

#include <functional>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

namespace t3video {

template <class... Parts>
std::string concat(const Parts&... parts) {
    std::ostringstream out;
    ((out << parts), ...);
    return out.str();
}

// A field of a request, by its name in the table of fields ("steps"), and what it holds where that is said.
struct Field {
    template <class... Parts>
    explicit Field(std::string field, const Parts&... parts) : name(std::move(field)), value(concat(parts...)) {}

    std::string name, value;
};

// What a reader can do about a job folder, or about the folder of a training run.
struct Remedy {
    enum class Kind { resume, decode, resume_run } kind;
    std::string job;
};

// How a front door says them.
struct Tongue {
    std::function<std::string(const Field&)> field;
    std::function<std::string(const Remedy&)> remedy;
};

class Message {
  public:
    Message() = default;
    // Of anything that can be streamed, fields, remedies and other messages.
    template <class First, class... Parts>
    explicit Message(const First& first, const Parts&... parts) {
        add(first);
        (add(parts), ...);
    }

    std::string plain() const;  // "steps 0: expected 1 to 1000"
    std::string in(const Tongue& tongue) const;
    // The same with every text in it, a field's value and a job's name included, as `words` gives it.
    Message with_words(const std::function<std::string(const std::string&)>& words) const;
    // The first one that it speaks of; null where there is none.
    const Field* field() const;
    bool empty() const { return pieces_.empty(); }

    template <class Part>
    void add(const Part& part) {
        pieces_.emplace_back(concat(part));
    }
    void add(const Field& field) { pieces_.emplace_back(field); }
    void add(const Remedy& remedy) { pieces_.emplace_back(remedy); }
    void add(const Message& other) { pieces_.insert(pieces_.end(), other.pieces_.begin(), other.pieces_.end()); }

  private:
    std::vector<std::variant<std::string, Field, Remedy>> pieces_;
};

}  // namespace t3video
