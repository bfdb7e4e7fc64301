// Log lines through spdlog; what files and names bring into them is made printable here.
#include "apps/common/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "core/printable.h"

namespace t3video::apps {
namespace {

spdlog::logger& logger() {
    if (auto existing = spdlog::get("t3video")) return *existing;
    auto created = spdlog::stderr_color_mt("t3video");
    created->set_pattern("%^%l%$: %v");
    return *created;
}

}  // namespace

void log_info(std::string_view message) {
    logger().info("{}", printable(message));
}
void log_warning(std::string_view message) {
    logger().warn("{}", printable(message));
}
void set_quiet(bool quiet) {
    logger().set_level(quiet ? spdlog::level::warn : spdlog::level::info);
}

}  // namespace t3video::apps
