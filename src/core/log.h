// The one log sink: lines on standard error. Libraries below pipeline/ do not log.
#pragma once

#include <string_view>

namespace t3video {

void log_info(std::string_view message);
void log_warning(std::string_view message);
void set_quiet(bool quiet);  // keeps warnings only

}  // namespace t3video
