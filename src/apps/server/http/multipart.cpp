// Reads forms.
#include "apps/server/http/multipart.h"

#include <algorithm>
#include <optional>

#include "apps/server/http/exchange.h"
#include "apps/server/http/head.h"
#include "core/utf8.h"

namespace t3video::server {
namespace {

constexpr size_t kLargestPartHead = size_t{8} << 10, kLongestBoundary = 70;  // RFC 2046
constexpr int kMostParts = 100;

HttpError malformed(const std::string& what) {
    return {400, "malformed_form", what};
}

Part read_part_head(std::string_view text) {
    std::optional<Part> part;
    while (!text.empty()) {
        const size_t end = std::min(text.find("\r\n"), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 2, text.size()));
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos) throw malformed("a header of the form's parts has no colon");
        if (!equal_in_any_case(line.substr(0, colon), "Content-Disposition")) continue;
        const Parameters disposition = parse_parameters(line.substr(colon + 1));
        const std::string* name = disposition.find("name");
        if (part || disposition.value != "form-data" || !name) break;
        part = Part{*name, disposition.find("filename") || disposition.find("filename*")};
    }
    if (!part || part->name.empty() || !is_utf8_text(part->name))
        throw malformed("each part of a form needs one header 'Content-Disposition: form-data; name=\"...\"'");
    return *part;
}

}  // namespace

Multipart::Multipart(const std::string& content_type, Taker taker) : taker_(std::move(taker)) {
    const Parameters type = parse_parameters(content_type);
    const std::string* boundary = type.find("boundary");
    if (!boundary || boundary->empty() || boundary->size() > kLongestBoundary)
        throw malformed("the header Content-Type of a form needs a boundary of 1 to 70 characters");
    delimiter_ = "\r\n--" + *boundary;
    rest_ = "\r\n";  // the first delimiter may stand at the very beginning
}

void Multipart::feed(std::string_view bytes) {
    if (state_ == State::epilogue) return;
    rest_ += bytes;
    while (advance()) {
    }
}

bool Multipart::advance() {
    switch (state_) {
        case State::preamble:
        case State::body: {
            const size_t at = rest_.find(delimiter_);
            const bool found = at != std::string::npos;
            // What may be the beginning of a delimiter waits.
            const size_t kept = std::min(rest_.size(), delimiter_.size() - 1);
            const size_t sure = found ? at : rest_.size() - kept;
            if (state_ == State::body && sure > 0) taker_.bytes(std::string_view(rest_).substr(0, sure));
            rest_.erase(0, found ? at + delimiter_.size() : sure);
            if (!found) return false;
            if (state_ == State::body) taker_.end();
            state_ = State::delimiter;
            return true;
        }
        case State::delimiter: {
            if (rest_.starts_with("--")) {
                rest_.clear();
                state_ = State::epilogue;
                return false;
            }
            const size_t blanks = std::min(rest_.find_first_not_of(" \t"), rest_.size());
            if (rest_.size() < blanks + 2) {
                if (blanks > kLongestBoundary) throw malformed("a form's delimiter does not end");
                return false;
            }
            if (rest_.compare(blanks, 2, "\r\n") != 0)
                throw malformed("a form's delimiter is followed by other characters");
            rest_.erase(0, blanks);  // the line's end stays: a part may have no headers at all
            state_ = State::head;
            return true;
        }
        case State::head: {
            const size_t end = rest_.find("\r\n\r\n");
            if (std::min(end, rest_.size()) > kLargestPartHead)
                throw malformed("the headers of a form's part are too large");
            if (end == std::string::npos) return false;
            if (++parts_ > kMostParts) throw malformed("a form has more than 100 parts");
            taker_.begin(read_part_head(end == 0 ? std::string_view() : std::string_view(rest_).substr(2, end - 2)));
            rest_.erase(0, end + 4);
            state_ = State::body;
            return true;
        }
        case State::epilogue:
            break;
    }
    return false;
}

void Multipart::finish() const {
    if (state_ != State::epilogue) throw malformed("the form ends before its last delimiter");
}

}  // namespace t3video::server
