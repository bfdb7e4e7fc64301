// The description of the API (OpenAPI 3.1), made from the tables of routes and fields.
#pragma once

#include <nlohmann/json.hpp>

namespace t3video::server {

nlohmann::ordered_json openapi(bool keyed);

}  // namespace t3video::server
