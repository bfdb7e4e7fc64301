// Schemas (JSON Schema 2020-12) of what requests and answers hold.
#pragma once

#include <nlohmann/json.hpp>

namespace t3video::server {

// By their names.
nlohmann::ordered_json schemas();

}  // namespace t3video::server
