#include "core/natural_order.h"

#include <algorithm>

namespace t3video {
namespace {

// The number that begins there, without leading zeros, as text: numbers have any length.
std::string_view digits_at(std::string_view text, size_t at) {
    size_t end = at;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    text = text.substr(at, end - at);
    return text.substr(std::min(text.find_first_not_of('0'), text.size()));
}

// Of letters in ASCII their small ones.
unsigned char without_case(char c) {
    return static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

}  // namespace

bool counts_before(std::string_view left, std::string_view right) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    size_t i = 0, j = 0;
    while (i < left.size() && j < right.size()) {
        if (is_digit(left[i]) && is_digit(right[j])) {
            const std::string_view x = digits_at(left, i), y = digits_at(right, j);
            if (x != y) return x.size() != y.size() ? x.size() < y.size() : x < y;
            while (i < left.size() && is_digit(left[i])) ++i;
            while (j < right.size() && is_digit(right[j])) ++j;
        } else if (without_case(left[i]) != without_case(right[j])) {
            return without_case(left[i]) < without_case(right[j]);
        } else {
            ++i;
            ++j;
        }
    }
    const size_t left_rest = left.size() - i, right_rest = right.size() - j;
    return left_rest != right_rest ? left_rest < right_rest : left < right;  // names differ: in leading zeros or case
}

}  // namespace t3video
