// Reads heads, targets and parameters.
#include "apps/server/http/head.h"

#include <algorithm>

#include "core/numbers.h"
#include "core/utf8.h"

namespace t3video::server {
namespace {

constexpr size_t npos = std::string_view::npos;
constexpr std::string_view kLineEnd = "\r\n", kHeadEnd = "\r\n\r\n";

HttpError malformed(const std::string& what) {
    return {400, "malformed_request", what};
}

bool is_token(std::string_view text) {
    const auto is_token_character = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != npos;
    };
    return !text.empty() && std::ranges::all_of(text, is_token_character);
}

std::string_view without_blanks(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

void read_request_line(std::string_view line, Head& head, bool& old) {
    const size_t a = line.find(' '), b = line.rfind(' ');
    if (a == npos || a == b) throw malformed("the request line has not the form 'METHOD TARGET HTTP/1.1'");
    const std::string_view method = line.substr(0, a), target = line.substr(a + 1, b - a - 1),
                           version = line.substr(b + 1);
    if (!is_token(method) || method.size() > 32) throw malformed("the request's method is no word");
    if (!version.starts_with("HTTP/")) throw malformed("the request line does not end in HTTP/1.1");
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        throw HttpError{505, "version_not_supported", "expected HTTP/1.1"};
    if (target.size() > kLongestTarget) throw HttpError{414, "uri_too_long", "the request's target is too long"};
    if (!std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7F; }))
        throw malformed("the request's target holds characters that must be escaped");
    if (!target.starts_with('/') && !target.starts_with("http") && target != "*")
        throw malformed("the request's target does not begin with /");
    head.method = method;
    head.target = target;
    old = version == "HTTP/1.0";
}

void read_header_line(std::string_view line, Head& head) {
    if (head.headers.size() == kMostHeaders)
        throw HttpError{431, "headers_too_large", "the request has too many headers"};
    const size_t colon = line.find(':');
    if (colon == npos || !is_token(line.substr(0, colon))) throw malformed("a header has not the form 'Name: value'");
    const std::string_view value = without_blanks(line.substr(colon + 1));
    const auto is_control = [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7F; };
    if (std::ranges::any_of(value, is_control)) throw malformed("a header's value holds control characters");
    head.headers.emplace_back(line.substr(0, colon), value);
}

// The only value of a header; null where it has none. Two would be understood differently by different readers.
const std::string* only(const Pairs& headers, std::string_view name) {
    const std::string* found = nullptr;
    for (const auto& [key, value] : headers) {
        if (!equal_in_any_case(key, name)) continue;
        if (found) throw malformed("the header " + std::string(name) + " stands twice");
        found = &value;
    }
    return found;
}

bool lists(const std::string* value, std::string_view word) {
    for (std::string_view rest = value ? *value : std::string_view(); !rest.empty();) {
        const size_t comma = std::min(rest.find(','), rest.size());
        if (equal_in_any_case(without_blanks(rest.substr(0, comma)), word)) return true;
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return false;
}

void read_framing(Head& head, bool old) {
    const std::string* host = only(head.headers, "Host");
    if (!host && !old) throw malformed("the header Host is missing");
    if (const std::string* length = only(head.headers, "Content-Length")) {
        const bool digits =
            !length->empty() && std::ranges::all_of(*length, [](char c) { return c >= '0' && c <= '9'; });
        head.length = digits ? number_of<int64_t>(*length) : std::nullopt;
        if (!digits) throw malformed("the header Content-Length is no number");
        if (!head.length) throw HttpError{413, "body_too_large", "the request's body is too large"};
    }
    if (const std::string* coding = only(head.headers, "Transfer-Encoding")) {
        if (head.length || old)
            throw malformed("the header Transfer-Encoding does not go with the rest of the request");
        if (!equal_in_any_case(*coding, "chunked"))
            throw HttpError{501, "coding_not_supported", "the header Transfer-Encoding: expected chunked"};
        head.chunked = true;
    }
    const std::string* connection = find_header(head.headers, "Connection");
    head.old = old;
    head.keep_alive = !old && !lists(connection, "close");
    if (const std::string* expect = only(head.headers, "Expect")) {
        if (!equal_in_any_case(*expect, "100-continue"))
            throw HttpError{417, "expectation_failed", "the header Expect: expected 100-continue"};
        head.expects_continue = !old && head.has_body();
    }
}

int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

std::string decoded(std::string_view text, bool plus_is_blank) {
    std::string all;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            const bool whole = i + 2 < text.size();
            const int high = whole ? hex(text[i + 1]) : -1, low = whole ? hex(text[i + 2]) : -1;
            if (high < 0 || low < 0) throw malformed("the request's target has an escape that is not %XX");
            all += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            all += text[i] == '+' && plus_is_blank ? ' ' : text[i];
        }
    }
    return all;
}

}  // namespace

std::optional<Head> parse_head(std::string_view text) {
    size_t begin = 0;
    while (text.substr(begin).starts_with(kLineEnd)) begin += kLineEnd.size();  // RFC 9112, 2.2
    const size_t end = text.find(kHeadEnd, begin);
    if (end == npos) {
        const std::string_view line = text.substr(begin, text.find(kLineEnd, begin) - begin);
        if (line.size() > kLongestTarget + 64) throw HttpError{414, "uri_too_long", "the request's target is too long"};
        if (text.size() > kLargestHead)
            throw HttpError{431, "headers_too_large", "the request's headers are too large"};
        if (text.find("\n\n", begin) != npos)
            throw malformed("lines of the request's head end without carriage returns");
        return std::nullopt;
    }
    if (end + kHeadEnd.size() > kLargestHead)
        throw HttpError{431, "headers_too_large", "the request's headers are too large"};
    Head head;
    head.bytes = end + kHeadEnd.size();
    bool first = true, old = false;
    for (std::string_view rest = text.substr(begin, end - begin); first || !rest.empty(); first = false) {
        const size_t at = std::min(rest.find(kLineEnd), rest.size());
        const std::string_view line = rest.substr(0, at);
        first ? read_request_line(line, head, old) : read_header_line(line, head);
        rest.remove_prefix(std::min(at + kLineEnd.size(), rest.size()));
    }
    read_framing(head, old);
    return head;
}

Target parse_target(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"}) {  // as proxies are asked
        if (!equal_in_any_case(target.substr(0, scheme.size()), scheme)) continue;
        const size_t slash = target.find_first_of("/?", scheme.size());
        target = slash == npos ? "/" : target.substr(slash);
    }
    target = target.substr(0, target.find('#'));
    const size_t question = std::min(target.find('?'), target.size());
    Target result{.path = decoded(target.substr(0, question), false), .query = {}};
    for (std::string_view rest = target.substr(std::min(question + 1, target.size())); !rest.empty();) {
        const size_t ampersand = std::min(rest.find('&'), rest.size());
        const std::string_view pair = rest.substr(0, ampersand);
        const size_t equals = std::min(pair.find('='), pair.size());
        if (!pair.empty())
            result.query.emplace_back(decoded(pair.substr(0, equals), true),
                                      decoded(pair.substr(std::min(equals + 1, pair.size())), true));
        rest.remove_prefix(std::min(ampersand + 1, rest.size()));
    }
    for (const auto& [name, value] : result.query) {
        if (!is_utf8_text(name) || !is_utf8_text(value)) throw malformed("the query is no text in UTF-8");
    }
    return result;
}

const std::string* Parameters::find(std::string_view name) const {
    return find_header(all, name);
}

Parameters parse_parameters(std::string_view text) {
    const size_t end = std::min(text.find(';'), text.size());
    Parameters result{.value = lower_case(without_blanks(text.substr(0, end))), .all = {}};
    for (size_t at = end; at < text.size();) {
        ++at;  // the semicolon
        const size_t equals = text.find_first_of("=;", at);
        if (equals == npos || text[equals] == ';') {
            at = std::min(equals, text.size());
            continue;
        }
        std::string name = lower_case(without_blanks(text.substr(at, equals - at))), value;
        at = std::min(text.find_first_not_of(" \t", equals + 1), text.size());
        if (at < text.size() && text[at] == '"') {
            for (++at; at < text.size() && text[at] != '"'; ++at) {
                if (text[at] == '\\' && at + 1 < text.size()) ++at;
                value += text[at];
            }
            at = std::min(text.find(';', at), text.size());
        } else {
            const size_t stop = std::min(text.find(';', at), text.size());
            value = without_blanks(text.substr(at, stop - at));
            at = stop;
        }
        result.all.emplace_back(std::move(name), std::move(value));
    }
    return result;
}

}  // namespace t3video::server
