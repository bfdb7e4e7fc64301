// The one log sink: lines on standard error.
#pragma once

#include <string_view>

namespace t3video::apps {

void log_info(std::string_view message);
void log_warning(std::string_view message);
void set_quiet(bool quiet);  // keeps warnings only

}  // namespace t3video::apps
