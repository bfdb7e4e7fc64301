// JSON and data URLs of clients.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace t3video::server {

// Throws HttpError (400), naming `param` where it is not empty, for what is no JSON, nested too deeply, or has a member
// twice, of which every reader would take another one.
nlohmann::ordered_json parse_json_body(std::string_view text, const std::string& param = {});

// The bytes of "data:image/png;base64,...". Throws HttpError (400) naming `param` for any other address: nothing is
// fetched.
std::string bytes_of_data_url(std::string_view url, const std::string& param);

}  // namespace t3video::server
