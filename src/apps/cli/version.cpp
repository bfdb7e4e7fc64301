// t3video version: the program, what it was built with, and what it can compute on.
#include <fmt/format.h>

#include "apps/cli/commands.h"
#include "core/parallel.h"

namespace t3video::apps {

void add_version(CLI::App& program, Action& chosen) {
    auto* command = program.add_subcommand("version", "Show the version and the devices of this build");
    command->callback([&chosen] {
        chosen = [] { fmt::print("t3video {}\ndevices: cpu ({} threads)\n", T3VIDEO_VERSION, available_threads()); };
    });
}

}  // namespace t3video::apps
