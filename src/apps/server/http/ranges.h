// Which part of a file a request asks for (RFC 9110, section 14).
#pragma once

#include <cstdint>
#include <string>

namespace t3video::server {

struct Slice {
    int status = 200;              // 206 for a part, 416 where nothing of it is there
    int64_t first = 0, count = 0;  // bytes
};

// By the header Range; null: none. What is malformed, has another unit or asks for several parts is answered whole.
Slice slice_of(const std::string* range, int64_t bytes);

// Whether a header If-None-Match or If-Match lists the tag, or "*".
bool lists_tag(const std::string& header, const std::string& tag);

}  // namespace t3video::server
