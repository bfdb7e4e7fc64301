// Text and numbers as a page shows them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace t3video::report {

// Any bytes as text of a page or of a quoted attribute: as printable() shows them, with &, <, > and quotes as
// character references.
std::string escaped(std::string_view text);

// The bytes in base 64 (RFC 4648), padded.
std::string base64(std::string_view bytes);

// A relative path as a link: all but letters, digits, "-", ".", "_" and "/" in percent form, so that no name is taken
// for a scheme, a query or a fragment.
std::string link_to(std::string_view path);

std::string grouped(int64_t number);  // "4,980,672"
// Three significant digits: "0.213", "2e-5", "12,300"; "–" for what is not finite.
std::string readable(double number);
// The same for columns of numbers: with all its digits, "0.210".
std::string readable_in_column(double number);
std::string readable_duration(double seconds);  // "0.31 s", "42 s", "5 min 07 s", "3 h 20 min", "2 d 05 h"
std::string readable_share(double share);       // 0.0123: "1.23 %"
std::string readable_change(double share);      // with its sign: "+1.2 %", "−12.0 %"

}  // namespace t3video::report
