// t3video version: the program, what it was built with, and what it can compute on.
#include <fmt/format.h>

#include "apps/cli/commands.h"
#include "core/build.h"
#include "core/parallel.h"
#include "ops/devices.h"

namespace t3video::apps {

namespace {

void print_version() {
    fmt::print("t3video {}\ncpu   {} threads\n", T3VIDEO_VERSION, available_threads());
    if constexpr (!kWithCuda) {
        fmt::print("cuda  not in this build\n");
    } else {
        const auto devices = ops::cuda_devices();
        if (devices.empty()) fmt::print("cuda  no device found\n");
        for (const std::string& device : devices) fmt::print("cuda  {}\n", device);
    }
}

}  // namespace

void add_version(CLI::App& program, Action& chosen) {
    auto* command = program.add_subcommand("version", "Show the version, and the devices this build sees");
    command->callback([&chosen] { chosen = print_version; });
}

}  // namespace t3video::apps
